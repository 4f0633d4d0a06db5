/* On a kit's page: show the kit in the middle of the map, and offer the phone's own sharing. */
(function () {
  "use strict";
  var kit = document.getElementById("this-kit");
  var box = document.querySelector(".map");
  var map = box && window[box.id];
  if (kit && map && kit.dataset.lat) {
    var at = [Number(kit.dataset.lat), Number(kit.dataset.lon)];
    if (kit.dataset.out) {
      /* the map of all kits leaves out what is not in service */
      L.marker(at, {icon: L.divIcon({className: "kit kit-out", html: "<span>×</span>", iconSize: [30, 30]}), keyboard: false}).addTo(map);
    }
    L.circleMarker(at, {radius: 24, color: "#1a1a1a", weight: 3, fill: false, interactive: false}).addTo(map);
    map.setView(at, 16, {animate: false});
  }
  var share = document.getElementById("share");
  if (!share) { return; }
  var said = document.getElementById("share-status");
  if (!navigator.share && !(navigator.clipboard && navigator.clipboard.writeText)) { return; }
  share.hidden = false;
  share.addEventListener("click", function () {
    var what = {title: document.title, url: share.dataset.url};
    if (navigator.share) { navigator.share(what).catch(function () { said.textContent = ""; }); return; }
    navigator.clipboard.writeText(what.url).then(function () { said.textContent = said.dataset.done; },
      function () { said.textContent = what.url; });
  });
})();
