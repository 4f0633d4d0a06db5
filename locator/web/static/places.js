/* Keep a reader's places in this browser. Nothing leaves it but the form that the reader sends. */
(function () {
  "use strict";
  var KEY = "bleed-kit-places";
  var box = document.getElementById("places");
  if (!box) { return; }
  var list = box.querySelector("ul"), item = document.getElementById("place-item");
  var add = document.getElementById("add"), said = document.getElementById("places-status");
  var clear = document.getElementById("delete-all");
  var read = function () {
    try {
      var found = JSON.parse(window.localStorage.getItem(KEY) || "[]");
      return Array.isArray(found) ? found.filter(function (one) {
        return one && typeof one.called === "string" && typeof one.where === "string";
      }) : [];
    } catch (error) { return []; }
  };
  var write = function (places, done) {
    try {
      if (places.length) { window.localStorage.setItem(KEY, JSON.stringify(places)); } else { window.localStorage.removeItem(KEY); }
      said.textContent = done;
    } catch (error) { said.textContent = said.dataset.full; }
    show();
  };
  var show = function () {
    var places = read();
    list.textContent = "";
    places.forEach(function (one, number) {
      var made = document.importNode(item.content, true);
      made.querySelector("h3").textContent = one.called;
      made.querySelector("p").textContent = one.where;
      made.querySelector("input").value = one.where;
      Array.prototype.forEach.call(made.querySelectorAll(".unseen"), function (name) { name.textContent = ": " + one.called; });
      made.querySelector(".delete").addEventListener("click", function () {
        var left = read();
        left.splice(number, 1);
        write(left, said.dataset.deleted);
        (list.querySelector(".delete") || document.getElementById("called")).focus();
      });
      list.appendChild(made);
    });
    document.getElementById("none").hidden = places.length > 0;
    clear.hidden = places.length === 0;
  };
  add.addEventListener("submit", function (event) {
    event.preventDefault();
    var called = document.getElementById("called"), where = document.getElementById("where");
    var one = {called: called.value.trim(), where: where.value.trim()};
    if (!one.called || !one.where) { return; }
    write(read().concat([one]), said.dataset.kept);
    called.value = where.value = "";
    called.focus();
  });
  clear.addEventListener("click", function () {
    write([], said.dataset.deleted);
    document.getElementById("called").focus();
  });
  window.addEventListener("storage", show);
  box.hidden = false;
  show();
})();
