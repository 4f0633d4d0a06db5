/* Join the map with the page's own list: signs open the list's text, the reader's place is drawn. */
(function () {
  "use strict";
  var box = document.querySelector(".map");
  var map = box && window[box.id];
  if (!map) { return; }
  map.attributionControl.setPrefix("Leaflet");
  var describe = function (marker) {
    var item = document.getElementById("kit-" + marker.options.reference);
    var text = document.createElement("div");
    text.className = "popup";
    if (!item) { text.textContent = marker.options.title; return text; }
    Array.prototype.forEach.call(item.cloneNode(true).childNodes, function (node) {
      text.appendChild(node.cloneNode(true));
    });
    return text;
  };
  map.eachLayer(function (layer) {
    if (!layer.getLayers) { return; }
    layer.getLayers().forEach(function (marker) {
      var item = marker.options.reference && document.getElementById("kit-" + marker.options.reference);
      if (!item) { return; }
      var say = function (part) { return item.querySelector(part).textContent.replace(/\s+/g, " ").trim(); };
      marker.options.title = say("h3, h4") + ": " + say(".state span:last-child");
      if (item.querySelector(".state-closed")) {
        /* the list knows how long the way is: what shuts on the way is shut */
        marker.setIcon(L.divIcon({className: "kit kit-closed", html: "<span>–</span>", iconSize: [30, 30]}));
      }
      if (marker.getElement()) { marker.getElement().title = marker.options.title; }
    });
  });
  var last;
  map.eachLayer(function (layer) {
    if (!layer.getLayers) { return; }
    layer.on("click keypress", function (event) {
      var marker = event.layer || event.propagatedFrom || event.target;
      var key = event.originalEvent && event.originalEvent.key;
      if (!marker.options.reference || (event.type === "keypress" && key !== "Enter")) { return; }
      /* a cluster hands one click on twice */
      if (last === event.originalEvent) { return; }
      last = event.originalEvent;
      L.popup({maxWidth: Math.min(280, map.getSize().x - 60), autoPanPadding: [10, 10]}).setLatLng(marker.getLatLng())
        .setContent(describe(marker)).openOn(map);
    });
  });
  if (!box.dataset.lat) { map.fitBounds(map.options.home, {animate: false}); return; }
  var here = [Number(box.dataset.lat), Number(box.dataset.lon)];
  var spot = L.divIcon({className: "here", html: "<span></span>", iconSize: [22, 22]});
  L.circle(here, {radius: Number(box.dataset.precision), color: "#0b4f9e", weight: 1, fillOpacity: 0.12, interactive: false}).addTo(map);
  L.marker(here, {icon: spot, title: "Your place", alt: "Your place", keyboard: false, zIndexOffset: 1000}).addTo(map);
  var bounds = L.latLngBounds([here, here]);
  var ways = Array.prototype.slice.call(document.querySelectorAll(".kits > li > .way")).map(function (way) {
    return way.dataset.line.split(" ").map(function (at) { return at.split(",").map(Number); });
  });
  ways.reverse().forEach(function (line, number) {
    var first = number === ways.length - 1;
    L.polyline(line, {color: "#fff", weight: first ? 9 : 6, opacity: 0.9, interactive: false}).addTo(map);
    L.polyline(line, {color: first ? "#0b4f9e" : "#5b7fa8", weight: first ? 5 : 3, dashArray: first ? null : "2 6",
      interactive: false}).addTo(map);
    if (first) { bounds.extend(L.latLngBounds(line)); }
  });
  Array.prototype.slice.call(document.querySelectorAll(".kits > [data-lat]"))
    .filter(function (item) { return !item.closest("details"); })
    .map(function (item) { return [Number(item.dataset.lat), Number(item.dataset.lon)]; })
    .sort(function (a, b) { return map.distance(here, a) - map.distance(here, b); })
    .slice(0, 3)
    .forEach(function (at) { bounds.extend(at); });
  map.fitBounds(bounds.pad(0.25), {maxZoom: 16, animate: false});
})();
