/* Let the device keep what is needed without a connection, once the page itself is there. */
(function () {
  "use strict";
  var told = document.currentScript.dataset, workers = navigator.serviceWorker;

  // where nothing can be kept, a form that leads nowhere must not take this page away
  document.addEventListener("submit", function (event) {
    if (navigator.onLine !== false || workers && workers.controller) { return; }
    event.preventDefault();
    var note = event.target.querySelector(".not-sent") || document.createElement("p");
    note.className = "error not-sent";
    note.setAttribute("role", "alert");
    note.textContent = told.lost;
    event.target.insertBefore(note, event.target.firstChild);
  });

  if (!workers) { return; }
  window.addEventListener("load", function () {
    workers.register(told.worker, {scope: told.scope}).then(function () {
      return workers.ready;
    }).then(function (site) {
      site.active.postMessage({keep: told.page});
      if (site.periodicSync) { return site.periodicSync.register("kits", {minInterval: 43200000}); }
    }).catch(function () { /* the page works without */ });
  });
})();
