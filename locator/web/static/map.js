/* Join the map with the page's own list: signs open the list's text, the reader's place is drawn. */
(function () {
  "use strict";
  var box = document.querySelector(".map");
  var map = box && window[box.id];
  if (!map) { return; }
  map.attributionControl.setPrefix("Leaflet");
  L.control.scale({imperial: false, position: "topright"}).addTo(map);
  var here = box.dataset.lat ? [Number(box.dataset.lat), Number(box.dataset.lon)] : null;
  var precision = Number(box.dataset.precision);
  if (box.dataset.choosing) { choose(); return; }

  function ofKit(layer) { return layer.options.reference || layer instanceof L.Circle; }

  function choose() {
    var form = document.getElementById("chosen"), status = document.getElementById("chosen-status");
    /* a thumb hits the place to about as many pixels; half a street is exact enough to be told */
    var THUMB = 24, EXACT = 100;
    var kits = [];
    map.eachLayer(function (layer) { if (layer.getLayers && layer.getLayers().some(ofKit)) { kits.push(layer); } });
    kits.forEach(function (layer) { map.removeLayer(layer); });
    var aim = document.createElement("div");
    aim.className = "aim";
    aim.innerHTML = '<svg viewBox="0 0 56 56" aria-hidden="true"><path d="M28 2v20M28 34v20M2 28h20M34 28h20"/><path d="M28 2v20M28 34v20M2 28h20M34 28h20"/></svg>';
    box.appendChild(aim);
    var error = function () {
      var at = map.getCenter(), size = map.getSize();
      var across = map.distance(map.containerPointToLatLng([0, size.y / 2]), map.containerPointToLatLng([size.x, size.y / 2]));
      return {at: at, metres: Math.max(10, THUMB * across / size.x)};
    };
    var say = function () {
      var metres = error().metres;
      var far = metres < 1000 ? Math.round(metres / 10) * 10 + " m" : Math.round(metres / 1000) + " km";
      status.textContent = (metres <= EXACT ? form.dataset.exact : form.dataset.rough).replace("{distance}", far);
    };
    map.on("click", function (event) { map.setView(event.latlng, Math.max(map.getZoom(), Math.min(map.getZoom() + 3, 17)), {animate: false}); });
    map.on("moveend zoomend", say);
    form.addEventListener("submit", function (event) {
      var found = error();
      if (found.metres > EXACT) {
        event.preventDefault();
        map.setZoom(map.getZoom() + 2, {animate: false});
        return;
      }
      form.elements.lat.value = found.at.lat.toFixed(6);
      form.elements.lon.value = found.at.lng.toFixed(6);
      form.elements.accuracy.value = Math.round(found.metres);
    });
    if (here && precision < 5000) {
      /* as near as streets are named, as far as there is something else to know the place by */
      map.fitBounds(L.latLng(here).toBounds(Math.max(precision * 4, 600)), {maxZoom: 15, animate: false});
    } else { map.fitBounds(map.options.home, {animate: false}); }
    say();
  }

  var page = document.getElementById("this-kit");
  /* what the page tells of a kit: in a list, or as the kit that the page is about */
  var told = function (reference) {
    return document.getElementById("kit-" + reference) || (page && page.dataset.reference === reference ? page : null);
  };
  var every = function (within, parts) { return Array.prototype.slice.call(within.querySelectorAll(parts)); };
  var describe = function (marker) {
    var item = told(marker.options.reference);
    var text = document.createElement("div");
    text.className = "popup";
    if (!item) { text.textContent = marker.options.title; return text; }
    var parts = Array.prototype.slice.call(item.childNodes);
    if (item === page) {
      var heading = document.createElement("h3");
      heading.textContent = item.querySelector("h1").textContent;
      parts = [heading].concat(every(item, ".where, .state"));
    }
    parts.forEach(function (node) { text.appendChild(node.cloneNode(true)); });
    return text;
  };
  /* a kit that the page does not list is told in the words of the legend, which is in the reader's language */
  var inLegend = function (marker) {
    var icon = marker.options.icon && marker.options.icon.options;
    return icon && every(document, ".legend li").filter(function (line) {
      var sign = line.querySelector(".kit");
      return sign && sign.className === icon.className && sign.innerHTML === icon.html;
    })[0];
  };
  map.eachLayer(function (layer) {
    if (!layer.getLayers) { return; }
    layer.getLayers().forEach(function (marker) {
      if (!marker.options.reference) { return; }
      var item = told(marker.options.reference);
      var say = function (part) { return part.textContent.replace(/\s+/g, " ").trim(); };
      if (item) {
        marker.options.title = say(item.querySelector("h1, h3, h4")) + ": " + every(item, ".state > span:last-child").map(say).join(" ");
      } else if (inLegend(marker)) {
        marker.options.title = marker.options.reference + ": " + say(inLegend(marker).lastChild);
      }
      /* the list knows how long the way is, and what strangers have told */
      var knows = item && ["closing", "closed", "doubt"].filter(function (state) { return item.querySelector(".state-" + state); })[0];
      if (knows) {
        var sign = item.querySelector(".state-" + knows + " .sign").textContent;
        marker.setIcon(L.divIcon({className: "kit kit-" + knows, html: "<span>" + sign + "</span>", iconSize: [30, 30]}));
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
  if (page && page.dataset.lat) {
    var at = [Number(page.dataset.lat), Number(page.dataset.lon)];
    if (page.dataset.out) {
      /* the map of all kits leaves out what is not in service */
      L.marker(at, {icon: L.divIcon({className: "kit kit-out", html: "<span>×</span>", iconSize: [30, 30]}), keyboard: false}).addTo(map);
    }
    L.circleMarker(at, {radius: 24, color: "#1a1a1a", weight: 3, fill: false, interactive: false}).addTo(map);
    map.fitBounds(L.latLng(at).toBounds(Math.max(6 * Number(page.dataset.precision), 400)), {maxZoom: 17, animate: false});
    return;
  }
  if (!here) { map.fitBounds(map.options.home, {animate: false}); return; }
  var spot = L.divIcon({className: "here", html: "<span></span>", iconSize: [22, 22]});
  L.circle(here, {radius: precision, color: "#0b4f9e", weight: 1, fillOpacity: 0.12, interactive: false}).addTo(map);
  L.marker(here, {icon: spot, title: box.dataset.here, alt: box.dataset.here, keyboard: false, zIndexOffset: 1000}).addTo(map);
  var bounds = L.latLng(here).toBounds(2 * precision);
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
  var kits = every(document, ".kits > [data-lat]").map(function (item) {
    return {at: [Number(item.dataset.lat), Number(item.dataset.lon)], folded: item.closest("details")};
  }).sort(function (a, b) { return map.distance(here, a.at) - map.distance(here, b.at); });
  var near = kits.filter(function (kit) { return !kit.folded; });
  /* where no kit is near, how far the nearest is */
  (near.length ? near.slice(0, 3) : kits.slice(0, 1)).forEach(function (kit) { bounds.extend(kit.at); });
  map.fitBounds(bounds.pad(0.25), {maxZoom: 16, animate: false});
})();
