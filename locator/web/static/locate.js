/* Fill the form with the place that the device knows, share kits, and show what needs a script. */
(function () {
  "use strict";
  var each = function (selector, act) { Array.prototype.forEach.call(document.querySelectorAll(selector), act); };
  var canShare = navigator.share || (navigator.clipboard && navigator.clipboard.writeText);
  var works = {"": true, share: canShare, locate: navigator.geolocation};
  each("[data-html]", function (mark) { if (works[mark.dataset.script]) { mark.outerHTML = mark.dataset.html; } });
  var focus = document.querySelector("[data-focus], #place-error");
  if (focus) { focus.focus({preventScroll: true}); focus.scrollIntoView({block: "start"}); }

  /* what became of sharing is told beside the button, which keeps its name */
  var told = function (button) {
    var beside = button.nextElementSibling;
    if (!beside || beside.className !== "told") {
      beside = document.createElement("span");
      beside.className = "told";
      beside.setAttribute("role", "status");
      button.parentNode.insertBefore(beside, button.nextSibling);
    }
    return beside;
  };
  each("[data-share]", told);

  /* an answer that stays open ages: say louder when it was given */
  var since = Date.now();
  var age = function () {
    if (Date.now() - since >= 300000) { each(".as-of", function (line) { line.className = "as-of old"; }); }
  };
  if (document.querySelector(".as-of")) {
    setInterval(age, 15000);
    document.addEventListener("visibilitychange", age);
  }

  document.addEventListener("click", function (event) {
    var button = event.target.closest && event.target.closest("[data-share]");
    if (!button) { return; }
    var address = document.createElement("a");
    address.href = button.dataset.share;
    var status = told(button);
    /* what cannot be sent or copied is shown, to be copied by hand */
    var show = function () { status.textContent = address.href; };
    if (navigator.share) {
      navigator.share({title: button.dataset.title, url: address.href}).catch(function (error) {
        if (error.name !== "AbortError") { show(); }
      });
      return;
    }
    navigator.clipboard.writeText(address.href).then(function () { status.textContent = button.dataset.copied; }, show);
  });

  var form = document.getElementById("search");
  var button = document.getElementById("locate");
  if (!form || !navigator.geolocation) { return; }
  var status = document.getElementById("locate-status");
  var place = document.getElementById("place");
  var best, watch, timers = [], sending = false;
  var stop = function () {
    navigator.geolocation.clearWatch(watch);
    timers.forEach(clearTimeout);
    timers = [];
  };
  var reset = function () {
    best = null;
    button.disabled = false;
    form.elements.lat.value = form.elements.lon.value = form.elements.accuracy.value = "";
  };
  var send = function () {
    stop();
    form.elements.lat.value = best.latitude.toFixed(6);
    form.elements.lon.value = best.longitude.toFixed(6);
    form.elements.accuracy.value = Math.round(best.accuracy);
    /* as if a person had sent it: a device without a connection keeps the page and says so */
    if (!form.requestSubmit) { form.submit(); return; }
    sending = true;
    form.requestSubmit();
    sending = false;
    if (form.querySelector(".not-sent")) { button.disabled = false; status.textContent = ""; }
  };
  var failed = function (error) {
    if (best) { send(); return; }
    stop();
    reset();
    status.textContent = error && error.code === 1 ? form.dataset.denied : form.dataset.failed;
    place.focus();
  };
  button.addEventListener("click", function () {
    reset();
    button.disabled = true;
    status.textContent = form.dataset.finding;
    watch = navigator.geolocation.watchPosition(function (found) {
      /* the first place that a phone gives is often a mast's: wait a little for a better one */
      if (!best) { timers.push(setTimeout(send, 4000)); }
      if (!best || found.coords.accuracy <= best.accuracy) { best = found.coords; }
      if (best.accuracy <= 50) { send(); }
    }, failed, {enableHighAccuracy: true, timeout: 15000, maximumAge: 15000});
    timers.push(setTimeout(function () { if (!best) { status.textContent = form.dataset.slow; } }, 5000));
    /* that time-out leaves out how long one thinks about sharing, and a question put away is never answered */
    timers.push(setTimeout(failed, 40000));
  });
  /* who types a place means that, wherever the phone is */
  var typed = function () { stop(); reset(); status.textContent = ""; };
  form.addEventListener("submit", function () { if (!sending) { typed(); } });
  place.addEventListener("input", typed);
  window.addEventListener("pageshow", typed);
})();
