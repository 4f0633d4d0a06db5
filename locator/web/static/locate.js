/* Fill the location form from the device when its button is pressed; show it only where that works. */
(function () {
  "use strict";
  var focus = document.querySelector("[data-focus], #place-error");
  if (focus) { focus.focus({preventScroll: true}); focus.scrollIntoView({block: "start"}); }
  var form = document.getElementById("locate");
  if (!form || !navigator.geolocation) { return; }
  form.hidden = false;
  var status = document.getElementById("locate-status");
  var button = form.querySelector("button");
  var failed = function (error) {
    button.disabled = false;
    status.textContent = (error.code === 1 ?
      "The phone does not share its location. " : "The phone cannot find its location. ") +
      "Type a postcode or a street instead.";
    document.getElementById("place").focus();
  };
  form.addEventListener("submit", function (event) {
    event.preventDefault();
    button.disabled = true;
    status.textContent = "Finding where you are …";
    navigator.geolocation.getCurrentPosition(function (found) {
      form.elements.lat.value = found.coords.latitude.toFixed(6);
      form.elements.lon.value = found.coords.longitude.toFixed(6);
      form.elements.accuracy.value = Math.round(found.coords.accuracy);
      form.submit();
    }, failed, {enableHighAccuracy: true, timeout: 10000, maximumAge: 30000});
  });
  window.addEventListener("pageshow", function () { button.disabled = false; status.textContent = ""; });
})();
