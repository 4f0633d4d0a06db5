/* Let the device keep what is needed without a connection, once the page itself is there. */
(function () {
  "use strict";
  var told = document.currentScript.dataset;
  if (!("serviceWorker" in navigator)) { return; }
  window.addEventListener("load", function () {
    navigator.serviceWorker.register(told.worker, {scope: told.scope}).then(function () {
      return navigator.serviceWorker.ready;
    }).then(function (site) {
      site.active.postMessage({keep: told.page});
      if (site.periodicSync) { return site.periodicSync.register("kits", {minInterval: 43200000}); }
    }).catch(function () { /* the page works without */ });
  });
})();
