/* Pages of kits: printing, a list that narrows as one types. */
(function () {
  "use strict";
  var byId = function (id) { return document.getElementById(id); };
  var print = byId("print");
  if (print && window.print) {
    print.hidden = false;
    print.addEventListener("click", function () { window.print(); });
  }
  var field = byId("town"), found = byId("narrow-status");
  if (!field || !found) { return; }
  var plain = function (text) {
    text = text.toLowerCase().replace(/['’.]/g, "");
    if (text.normalize) { text = text.normalize("NFKD").replace(/[\u0300-\u036f]/g, ""); }
    return text.replace(/[^a-z0-9]+/g, " ").trim();
  };
  var sections = Array.prototype.map.call(document.querySelectorAll("#towns-listed section"), function (section) {
    return {
      section: section,
      town: plain(section.querySelector("h2").textContent),
      apart: section.dataset.unplaced === undefined,
      items: Array.prototype.map.call(section.querySelectorAll(".kit-item"), function (item) {
        var reference = item.id.slice(4);
        var placed = (" " + section.dataset.unplaced + " ").indexOf(" " + reference + " ") < 0;
        return {item: item, placed: placed, text: plain(item.querySelector("h3").textContent + " " + item.querySelector("p").textContent)};
      })
    };
  });
  field.addEventListener("input", function () {
    var asked = plain(field.value), fit = 0;
    sections.forEach(function (one) {
      var whole = one.apart || one.town.indexOf(asked) >= 0, shown = 0;
      one.items.forEach(function (each) {
        var fits = whole || each.text.indexOf(asked) >= 0;
        /* nobody may miss a kit because its place is not known */
        each.item.hidden = each.placed && !fits;
        if (!each.item.hidden) { shown += 1; }
        if (fits) { fit += 1; }
      });
      one.section.hidden = shown === 0;
    });
    found.textContent = !asked ? "" : fit ? found.dataset.some + " " + fit : found.dataset.none;
  });
})();
