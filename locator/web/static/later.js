/* Bring a map when it is about to be seen: who only reads what stands above it loads nothing of it. */
(function () {
  "use strict";
  var parts = document.getElementById("map-parts"), box = document.querySelector(".map-box");
  var each = function (selector, act) { return Array.prototype.map.call(parts.content.querySelectorAll(selector), act); };
  var bring = function () {
    var own = document.querySelector("link[rel=stylesheet]");
    Promise.all(each("link", function (link) {
      return new Promise(function (resolve) {
        var made = link.cloneNode();
        made.onload = made.onerror = resolve;
        /* the site's own styles have the last word */
        own.parentNode.insertBefore(made, own);
      });
    })).then(function () {
      each("script", function (script) {
        var made = document.createElement("script");
        made.src = script.src;
        made.async = false;
        document.body.appendChild(made);
      });
    });
  };
  if (!window.IntersectionObserver) { bring(); return; }
  var watch = new IntersectionObserver(function (seen) {
    if (seen.some(function (one) { return one.isIntersecting; })) {
      watch.disconnect();
      bring();
    }
  }, {rootMargin: "100px"});
  watch.observe(box);
})();
