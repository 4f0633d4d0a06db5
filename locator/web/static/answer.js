/* Answer from what the device keeps: fill the page's templates with what search.js finds. Texts of
   kits go in as text only. Where somebody is stays in this page: nothing here writes it anywhere. */
(function () {
  "use strict";
  var device = document.getElementById("device"), words = JSON.parse(device.dataset.words);
  var byId = function (id) { return document.getElementById(id); };
  var feed = null, lists = null, waiting = null, last = null, link = {}, people = "", shown = {};
  var MINUTE_S = 60, HOUR_S = 3600, DAY_S = 86400;

  function now() { return Date.now() / 1000; }

  /* Templates -------------------------------------------------------------------------------- */

  function filled(id, view) {
    var made = byId(id).content.cloneNode(true);
    Array.prototype.forEach.call(made.querySelectorAll("[data-if]"), function (part) {
      if (!view[part.dataset.if] && part.parentNode) { part.parentNode.removeChild(part); }
    });
    Array.prototype.forEach.call(made.querySelectorAll("[data-fill]"), function (part) {
      var value = view[part.dataset.fill];
      if (Array.isArray(value)) { return groupsInto(part, value); }
      part.textContent = value === undefined || value === null ? "" : value;
    });
    return made;
  }

  // parts of a code that are read out one by one
  function groupsInto(part, groups) {
    groups.forEach(function (group, number) {
      var made = document.createElement("span");
      made.className = "group";
      made.textContent = group;
      if (number) { part.appendChild(document.createTextNode(" ")); }
      part.appendChild(made);
    });
  }

  // what says the same already stays: it may be in use, or would be read out again
  function show(id, content) {
    var box = byId(id), said = content ? content.textContent : null;
    box.hidden = !content;
    if (said === shown[id]) { return; }
    shown[id] = said;
    var open = openParts(box), used = box.contains(document.activeElement) && document.activeElement;
    box.textContent = "";
    if (!content) { return; }
    box.appendChild(content);
    openParts(box, open);
    if (used) { useAgain(box, used); }
  }

  // who goes by keyboard or hears the page stays where they are
  function useAgain(box, used) {
    var alike = Array.prototype.filter.call(box.querySelectorAll(used.tagName), function (part) {
      return part.textContent === used.textContent;
    })[0];
    if (alike) { alike.focus({preventScroll: true}); }
  }

  function openParts(box, open) {
    return Array.prototype.map.call(box.querySelectorAll("details"), function (part, number) {
      if (open && open[number]) { part.open = true; }
      return part.open;
    });
  }

  function say(text, values) {
    return text.replace(/\{(\w+)\}/g, function (whole, name) { return values[name]; });
  }

  /* Words ------------------------------------------------------------------------------------ */

  function since(at) { return search.since(words, search.local(feed, at), search.local(feed, now())); }

  function clock(at) { return search.clock(words, search.local(feed, at)); }

  function date(text) { return search.written(words, words.date, new Date(text + "T00:00:00Z")); }

  function metres(value) {
    var said = search.metres(value);
    return say(words[said[1]], {number: said[0].replace(".", words.decimal)});
  }

  function minutes(span) {
    var whole = search.minutes(span);
    if (whole[0] > 60) { return words.long; }
    return whole[0] === whole[1] ? say(words.one, {number: whole[0]}) :
      say(words.span, {low: whole[0], high: whole[1]});
  }

  function against(span) {
    var limits = feed.limits.fetch_s, short = limits[0], long = limits[1];
    if (span.high_s <= short) { return say(words.within, {number: short / MINUTE_S}); }
    var text = span.high_s <= long ? words.within : span.low_s <= long ? words.perhaps : words.beyond;
    return say(text, {number: long / MINUTE_S});
  }

  function spelt(code) {
    return code.toUpperCase().split(" ").map(function (group) {
      return group.split("").map(function (letter) { return words.spelt[letter] || letter; }).join(" ");
    }).join(", ");
  }

  function lastCheck(one) {
    var kit = one.kit;
    return kit.last_checked ? say(words.checked[one.checked], {day: date(kit.last_checked)}) :
      words.checked.NEVER;
  }

  function condition(kit) {
    var said = words.conditions[kit.status] || ["", ""];
    return kit.reported ? say(said[1], {when: kit.reported}) : said[0];
  }

  function doubt(told) {
    return say(words.doubts[told.finding] || words.doubts.other, {time: since(told.at)});
  }

  /* One kit ---------------------------------------------------------------------------------- */

  function state(one) {
    var open = one.opening.until === null ? "always" : "until";
    switch (one.availability) {
      case "OPEN": return (one.ready ? "ready_" : one.confirmed ? "since_" : "open_") + open;
      case "UNKNOWN_HOURS": return one.old ? "old" : "unknown";
      case "CLOSING": return one.runner_in_time ? "closing_run" : "closing";
      case "CLOSED": return one.opening.opens === null ? "closed" : "closed_opens";
      case "OUT_OF_SERVICE": return "out";
      default: return "unplaced";
    }
  }

  var ACCESS = {"code from 999": "access_code", "open": "access_open", "ask staff": "access_staff"};

  function viewOf(one, position) {
    var kit = one.kit, view = {}, placed = kit.easting !== null, rough_m = feed.limits.rough_m;
    Object.keys(kit).forEach(function (name) { view[name] = kit[name]; });
    view.where = (kit.position_text ? kit.position_text + ". " : "") + kit.address + ".";
    view[state(one)] = true;
    view[ACCESS[kit.access] || "access_unknown"] = true;
    view.unconfirmed = !one.confirmed;
    view.until = one.opening.until === null ? "" : clock(one.opening.until);
    view.soon = words.soon[one.soon_min];
    view.opens = one.opening.opens === null ? "" : clock(one.opening.opens);
    view.condition = condition(kit);
    view.doubt = one.doubt && doubt(one.doubt);
    view.last_check = lastCheck(one);
    view.rough = placed && kit.precision_m > rough_m;
    view.kit_precision = view.rough ? metres(kit.precision_m) : "";
    view.maps = placed;
    if (one.run) {
      var vague = search.vague(feed, one.run), blur_m = kit.precision_m + position.precision_m;
      view.distance = metres(one.distance_m);
      view.farthest = metres(one.distance_m + blur_m);
      view.vague_place = vague && blur_m > rough_m;
      view.vague_way = vague && !view.vague_place;
      view.timed = !vague;
      view.run = minutes(one.run);
      view.walk = minutes(one.walk);
      view.run_against = against(one.run);
      view.walk_against = against(one.walk);
      view.alike = view.timed && view.run_against === view.walk_against;
      view.unlike = view.timed && !view.alike;
    }
    return view;
  }

  function item(one, position) {
    var kit = one.kit, made = filled("kit-template", viewOf(one, position));
    var maps = made.querySelector("[data-maps]");
    if (position) { made.querySelector("li").id = "kit-" + kit.reference; }
    if (maps) {
      var at = kit.latitude.toFixed(6) + "," + kit.longitude.toFixed(6);
      maps.href = "geo:" + at + "?q=" + at + "(" + encodeURIComponent(kit.name) + ")";
    }
    return made;
  }

  // to the kit that the answer speaks of, with what whoever fetches it must know first
  function linkTo(one, position) {
    var made = filled("link-template", viewOf(one, position));
    made.querySelector("a").href = "#kit-" + one.kit.reference;
    return made;
  }

  function listInto(box, fetches, position) {
    box.textContent = "";
    fetches.forEach(function (one) {
      var made = item(one, position), title = made.querySelector("h4");
      if (!position) {
        // no headings stand between the page's own and these
        var higher = document.createElement("h2");
        higher.textContent = title.textContent;
        title.parentNode.replaceChild(higher, title);
      }
      box.appendChild(made);
    });
  }

  /* The answer ------------------------------------------------------------------------------- */

  function answer(position, focus) {
    last = position;
    var at = now(), limits = feed.limits, found = search.nearest(feed, position, at);
    var verdict = search.verdict(feed, found, people);
    var parts = search.worth(feed, found, verdict), exact = position.precision_m <= limits.exact_m;
    var open = parts.reachable.length, closing = parts.closing.length, unknown = parts.unknown.length;
    var view = {
      place: position.label || words[position.kind],
      mark: verdict.level === "near" || verdict.level === "run" ? "→" : "!",
      useful: limits.useful_fetch_s / MINUTE_S, stay: verdict.stay,
      ask_two: verdict.ask && people === "two", ask_any: verdict.ask && people !== "two",
      precision: metres(position.precision_m), by_phone: position.kind === "device",
      by_name: position.kind !== "device", asked: position.asked, inexact: !exact,
      named: verdict.kit, see_kits: !verdict.stay && (open || closing || unknown),
      who: people === "alone" || !verdict.stay,
      not_said: !people, said_alone: people === "alone", said_two: people === "two",
      none_open: !open && !closing, none_stays: !open && closing,
      some_closing: closing, some_unknown: unknown,
      some_farther: parts.farther.length, farther_count: parts.farther.length,
      some_unavailable: found.unavailable.length, unavailable_count: found.unavailable.length,
      some_unplaced: found.unplaced.length, unplaced_count: found.unplaced.length,
      detour_low: feed.detour.low.toFixed(1).replace(".", words.decimal),
      detour_high: feed.detour.high.toFixed(1).replace(".", words.decimal)
    };
    view["is_" + verdict.code] = true;
    view["note_" + position.note] = true;
    addWhere(view, position, exact);
    var made = filled("answer-template", view);
    made.querySelector(".verdict").classList.add("verdict-" + verdict.level);
    if (verdict.kit) { made.querySelector("[data-link]").appendChild(linkTo(verdict.kit, position)); }
    Array.prototype.forEach.call(made.querySelectorAll("[data-list]"), function (box) {
      var name = box.dataset.list;
      listInto(box, parts[name] || found[name], position);
    });
    byId("choices").hidden = true;
    show("answer", made);
    showState();
    if (focus) { lookAt("answer-title"); }
  }

  /* Add the ways to say to the operator where somebody is. */
  function addWhere(view, position, exact) {
    var here = search.onGrid(feed, position), limits = feed.limits;
    var tell = function (name, code) {
      view[name] = code.split(" ");
      view[name + "_aloud"] = spelt(code);
    };
    if (position.kind === "postcode") {
      tell("tell_place", position.label);
    } else if (["device", "picked", "point"].indexOf(position.kind) < 0) {
      view.tell_place = position.label;
    }
    var near = lists && here && search.nearestPostcode(lists.postcodes, here[0], here[1], limits.postcode_m);
    view.note_outside = near && near.away_m > limits.outside_m;
    if (!exact) { return; }
    if (near && near.code && position.kind !== "postcode") { tell("postcode", near.code); }
    if (near) { view.town = search.settlement(lists, position, limits.settlement_m); }
    if (here) { tell("grid", search.gridReference(here[0], here[1])); }
    var plus = search.plusCode(position.lon, position.lat);
    tell("plus", plus.slice(0, 4) + " " + plus.slice(4));
    view.degrees = degrees(position);
  }

  // thousandths and what is finer are said apart
  function degrees(position) {
    var lat = position.lat.toFixed(5), lon = position.lon.toFixed(5);
    return [lat.slice(0, -2), lat.slice(-2) + ",", lon.slice(0, -2), lon.slice(-2)];
  }

  function lookAt(id) {
    var title = byId(id);
    title.focus({preventScroll: true});
    title.scrollIntoView({block: "start"});
  }

  function tell(text, failed) {
    var status = byId("find-status");
    status.textContent = text;
    status.classList.toggle("error", !!failed);
  }

  function choose(places) {
    show("answer", null);
    var list = byId("choices-list");
    list.textContent = "";
    places.slice(0, feed.limits.choices).forEach(function (place) {
      var row = document.createElement("li"), button = document.createElement("button");
      button.type = "button";
      button.textContent = place.label;
      button.addEventListener("click", function () { answer(place, true); });
      row.appendChild(button);
      list.appendChild(row);
    });
    byId("choices").hidden = false;
    lookAt("choices-title");
  }

  function find(text) {
    if (!feed) { return; }
    if (!text.trim()) { return notFound(words.empty); }
    if (!lists) {
      waiting = text;
      return tell(words.wait);
    }
    var places = search.resolved(feed, lists, text);
    if (!places) { return notFound(words.unknown); }
    tell("");
    if (places.length > 1 || !places[0].sure) { choose(places); } else { answer(places[0], true); }
  }

  function notFound(text) {
    byId("choices").hidden = true;
    tell(text, true);
    byId("place").focus({preventScroll: true});
    byId("find-status").scrollIntoView({block: "start"});
  }

  function located(lat, lon, accuracy_m, kind) {
    if (!feed) { return; }
    if (!(accuracy_m <= feed.limits.worst_accuracy_m)) { return notFound(words.failed); }
    tell("");
    // as it would be sent to the server
    answer({
      lat: +lat.toFixed(6), lon: +lon.toFixed(6), kind: kind, label: "", note: "",
      precision_m: Math.max(Math.round(accuracy_m), feed.limits.best_accuracy_m)
    }, true);
  }

  /* The list ---------------------------------------------------------------------------------- */

  function ageInWords(seconds) {
    if (seconds < HOUR_S) { return words.ages.minute[Math.floor(seconds / MINUTE_S)]; }
    if (seconds < 2 * DAY_S) { return words.ages.hour[Math.floor(seconds / HOUR_S)]; }
    return words.ages.day[Math.floor(seconds / DAY_S)];
  }

  function showState() {
    show("connection", filled("connection-template", link));
    var view = {none: !feed}, age = {};
    if (feed) {
      var at = now(), sure = search.trust(feed, at), said = ageInWords(sure.age_s);
      age = {time: since(feed.made_at), age: said};
      age[sure.age_s < MINUTE_S ? "fresh" : said ? "known" : "ancient"] = true;
      view = {early: sure.early, time: clock(at), uncovered: !sure.early && !sure.clock,
        stale: sure.clock && !sure.fresh, later: sure.clock && sure.fresh && !sure.recent};
    }
    show("age", feed && filled("age-template", age));
    // beside the answer as well, which is read far below
    Array.prototype.forEach.call(document.querySelectorAll("[data-age]"), function (part) {
      part.textContent = byId("age").textContent.trim();
    });
    var warns = Object.keys(view).some(function (name) { return name !== "time" && view[name]; });
    show("warning", warns ? filled("warning-template", view) : null);
  }

  function showAll() {
    var all = search.kits(feed), box = byId("all"), at = now();
    box.hidden = false;
    box.querySelector("[data-fill]").textContent = all.length;
    if (box.open) {
      listInto(box.querySelector("ol"), all.map(function (kit) {
        return search.judged(feed, kit, at, 0, 0);
      }));
    }
  }

  // an address of a kit that the server could not answer
  function showAskedKit() {
    var path = location.pathname, wanted = null;
    if (path.indexOf(device.dataset.kits) === 0) {
      wanted = decodeURIComponent(path.slice(device.dataset.kits.length).split("/")[0]);
    }
    var kit = search.kits(feed).filter(function (one) { return one.reference === wanted; })[0];
    byId("this-kit").hidden = !kit;
    byId("no-telling").hidden = !/\/tell$/.test(path);
    if (kit) { listInto(byId("this-kit").querySelector("ol"), [search.judged(feed, kit, now(), 0, 0)]); }
  }

  function read(address) {
    return fetch(address).then(function (response) {
      if (!response.ok) { throw new Error(response.status); }
      return response.json();
    });
  }

  function open() {
    return read(device.dataset.feed).then(function (found) {
      if (found.format !== words.format) { throw new Error("another format"); }
      feed = found;
      refresh();
      showAskedKit();
    });
  }

  function refresh() {
    showState();
    if (!feed) { return; }
    showAll();
    if (last) { answer(last, false); }
  }

  /* What the person asked before the server failed -------------------------------------------- */

  function resume(form) {
    var asked = {};
    form.split("&").forEach(function (pair) {
      var parts = pair.replace(/\+/g, " ").split("=");
      asked[decodeURIComponent(parts[0])] = decodeURIComponent(parts[1] || "");
    });
    setPeople(asked.people);
    byId("place").value = asked.place || "";
    if (asked.lat && asked.lon) {
      located(+asked.lat, +asked.lon, +asked.accuracy || 0, asked.how === "picked" ? "picked" : "device");
    } else if (asked.place) {
      find(asked.place);
    } else if (asked.on === "map") { tell(words.map); }
  }

  function setPeople(who) {
    people = who === "two" || who === "alone" ? who : "";
    if (people) { byId("people-" + people).checked = true; }
  }

  function post(message) {
    var workers = navigator.serviceWorker;
    if (workers && workers.controller) { workers.controller.postMessage(message); }
  }

  function linked(found) { link = {lost: !found, found: found, unsent: link.unsent}; }

  function renew() {
    var workers = navigator.serviceWorker;
    if (workers && workers.controller) { return post({renew: true}); }
    open().then(function () { linked(true); }, function () { linked(false); }).then(refresh);
  }

  function listen() {
    if (!navigator.serviceWorker) { return; }
    navigator.serviceWorker.addEventListener("message", function (event) {
      var told = event.data || {};
      if ("renewed" in told) {
        linked(told.renewed);
        if (told.renewed) { open().catch(refresh); } else { refresh(); }
      }
      if (told.instead) {
        linked(false);
        link.unsent = told.instead.unsent;
        showState();
        if (told.instead.form) { resume(told.instead.form); }
      }
    });
  }

  /* ------------------------------------------------------------------------------------------- */

  var form = byId("ask"), toServer = false;
  byId("ask-server").addEventListener("click", function () {
    var here = last && last.label === "" ? last : null;
    form.elements.lat.value = here ? here.lat : "";
    form.elements.lon.value = here ? here.lon : "";
    form.elements.accuracy.value = here ? here.precision_m : "";
    form.elements.how.value = here ? here.kind : "";
    toServer = true;
  });
  form.addEventListener("submit", function (event) {
    // without a list only the server can answer
    if (toServer || !feed) { return; }
    event.preventDefault();
    find(byId("place").value);
  });
  ["two", "alone"].forEach(function (who) {
    byId("people-" + who).addEventListener("change", function () {
      people = who;
      if (last) { answer(last, false); }
    });
  });
  byId("answer").addEventListener("click", function (event) {
    var who = event.target.dataset.people;
    if (!who) { return; }
    setPeople(who);
    answer(last, true);
  });
  byId("all").addEventListener("toggle", function () { if (feed) { showAll(); } });
  if (navigator.geolocation) {
    var button = byId("find-here");
    button.hidden = false;
    button.addEventListener("click", function () {
      button.disabled = true;
      tell(words.finding);
      navigator.geolocation.getCurrentPosition(function (found) {
        button.disabled = false;
        located(found.coords.latitude, found.coords.longitude, found.coords.accuracy, "device");
      }, function (error) {
        button.disabled = false;
        notFound(error.code === 1 ? words.denied : words.failed);
      }, {enableHighAccuracy: true, timeout: 20000, maximumAge: 30000});
    });
  }
  listen();
  open().catch(showState).then(function () {
    post({instead: true});
    renew();
  });
  read(device.dataset.names).then(function (found) {
    lists = found;
    if (waiting !== null) { find(waiting); } else if (last) { answer(last, false); }
    waiting = null;
  }).catch(function () { if (waiting !== null) { tell(words.unknown); } });
  var ticks = 0;
  setInterval(function () {
    refresh();
    // a server that is there is asked less often
    if (!link.found || ++ticks % 5 === 0) { renew(); }
  }, MINUTE_S * 1000);
  window.addEventListener("online", renew);
})();
