/* A click on the map names a place to consider; a sign of the plan leads to its row in the table. */
(function () {
  "use strict";
  var box = document.querySelector(".map");
  var map = box && window[box.id];
  var field = document.getElementById("site");
  if (!map || !field) { return; }
  map.attributionControl.setPrefix("Leaflet");
  map.fitBounds(map.options.home, {animate: false});
  var status = document.getElementById("site-status");
  var spot = L.divIcon({className: "here", html: "<span></span>", iconSize: [22, 22]});
  var mark;
  map.on("click", function (event) {
    var at = event.latlng;
    field.value = at.lat.toFixed(5) + ", " + at.lng.toFixed(5);
    if (mark) { mark.setLatLng(at); }
    else { mark = L.marker(at, {icon: spot, title: "Place to consider", alt: "Place to consider", keyboard: false}).addTo(map); }
    status.textContent = "Marked " + field.value + ". Press “Plan” to consider this place.";
  });
  map.eachLayer(function (layer) {
    if (!layer.options || !layer.options.rank) { return; }
    layer.on("click keypress", function (event) {
      if (event.type === "keypress" && event.originalEvent.key !== "Enter") { return; }
      var row = document.getElementById("rank-" + layer.options.rank);
      if (row) { row.scrollIntoView({block: "center"}); row.focus({preventScroll: true}); }
    });
  });
  var rows = document.querySelectorAll("[data-lat]");
  Array.prototype.forEach.call(rows, function (row) {
    var show = row.querySelector("button");
    if (!show) { return; }
    show.hidden = false;
    show.addEventListener("click", function () {
      map.setView([Number(row.dataset.lat), Number(row.dataset.lon)], 15, {animate: false});
      box.scrollIntoView({block: "center"});
    });
  });
})();
