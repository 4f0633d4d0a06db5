/* Find the kits to fetch in the list that the device keeps, as the server would: no network, no
   page. locator/analysis/nearest.py is the original; tests hold both against each other.
   Times are seconds since 1970 (UTC), metres those of the National Grid. */
var search = (function () {
  "use strict";
  var RADIAN = Math.PI / 180;
  // half axis of the ellipsoid GRS 80, and its eccentricity squared
  var AXIS_M = 6378137, FLAT = 0.00669438002290;
  var DAY_S = 86400, MINUTE_S = 60;
  // a clock may be a little behind the server's
  var BEHIND_S = 300;
  var GROUPS = {OPEN: "reachable", CLOSING: "closing", UNKNOWN_HOURS: "unknown",
    CLOSED: "unavailable", OUT_OF_SERVICE: "unavailable", UNPLACED: "unplaced"};
  // kits that somebody may be sent for
  var IN_SERVICE = ["reachable", "closing", "unknown"];
  var BY_STATE = {open: "OPEN", closed: "CLOSED", unknown: "UNKNOWN_HOURS"};

  function length(x, y) { return Math.sqrt(x * x + y * y); }

  // halves go to the even neighbour, as Python rounds
  function rounded(value) {
    var low = Math.floor(value), rest = value - low;
    if (rest === 0.5) { return low % 2 ? low + 1 : low; }
    return rest < 0.5 ? low : low + 1;
  }

  /* The grid ------------------------------------------------------------------------------- */

  function mapped(plane, a, b) {
    var x = (a - plane.middle[0]) / plane.half[0], y = (b - plane.middle[1]) / plane.half[1];
    if (!(Math.abs(x) <= 1 && Math.abs(y) <= 1)) { return null; }
    return plane.terms.map(function (terms) {
      var sum = 0, number = 0, byX = 1;
      for (var i = 0; i <= plane.degree; i++) {
        var product = byX;
        for (var j = 0; j <= plane.degree - i; j++) {
          sum += terms[number++] * product;
          product *= y;
        }
        byX *= x;
      }
      return sum;
    });
  }

  // what the polynomials lack, between the four nodes around a position
  function lacking(uneven, easting, northing) {
    var x = (easting - uneven.corner[0]) / uneven.step, y = (northing - uneven.corner[1]) / uneven.step;
    var column = Math.floor(x), row = Math.floor(y), rows = uneven.shape[1];
    if (!(column >= 0 && row >= 0 && column < uneven.shape[0] - 1 && row < rows - 1)) { return null; }
    x -= column;
    y -= row;
    return uneven.lacks.map(function (lacks) {
      var at = column * rows + row;
      var low = lacks[at] * (1 - y) + lacks[at + 1] * y;
      var high = lacks[at + rows] * (1 - y) + lacks[at + rows + 1] * y;
      return (low * (1 - x) + high * x) / 1000;
    });
  }

  // easting and northing; null where the packed grid does not reach
  function grid(feed, lon, lat) {
    var near = mapped(feed.grid.to_grid, lon, lat);
    var lacks = near && lacking(feed.grid.uneven, near[0], near[1]);
    return lacks && [near[0] + lacks[0], near[1] + lacks[1]];
  }

  function degrees(feed, easting, northing) {
    var near = mapped(feed.grid.to_degrees, easting, northing);
    var back = near && grid(feed, near[0], near[1]);
    // the way back is off by so much: as much less is asked for
    return back && mapped(feed.grid.to_degrees, 2 * easting - back[0], 2 * northing - back[1]);
  }

  // by the radii of the ellipsoid half-way: some millimetres off over 10 km
  function apart(lon, lat, otherLon, otherLat) {
    var sine = Math.sin((lat + otherLat) / 2 * RADIAN);
    var bend = 1 - FLAT * sine * sine;
    var north = (otherLat - lat) * RADIAN * AXIS_M * (1 - FLAT) / (bend * Math.sqrt(bend));
    var east = (otherLon - lon) * RADIAN * AXIS_M * Math.sqrt(1 - sine * sine) / Math.sqrt(bend);
    return length(north, east);
  }

  function gridReference(easting, northing) {
    var letters = "ABCDEFGHJKLMNOPQRSTUVWXYZ", square = 100000;
    var column = Math.floor(easting / square), row = Math.floor(northing / square);
    var first = letters.charAt((3 - Math.floor(row / 5)) * 5 + Math.floor(column / 5) + 2);
    var second = letters.charAt((4 - row % 5) * 5 + column % 5);
    var digits = function (value) {
      return ("000" + Math.floor(value % square / 10)).slice(-4);
    };
    return first + second + " " + digits(easting) + " " + digits(northing);
  }

  // an Open Location Code of ten digits
  function plusCode(lon, lat) {
    var digits = "23456789CFGHJMPQRVWX", code = "";
    // steps of 1/8000 degree, rounded as the official encoder does
    var steps = function (degrees, finest) {
      return Math.floor(Math.round(degrees * (8000 * finest) * 1e6) / 1e6 / finest);
    };
    var north = steps(lat + 90, 3125), east = steps(lon + 180, 1024);
    for (var pair = 0; pair < 5; pair++) {
      code = digits.charAt(north % 20) + digits.charAt(east % 20) + code;
      north = Math.floor(north / 20);
      east = Math.floor(east / 20);
    }
    return code.slice(0, 8) + "+" + code.slice(8);
  }

  /* How far the list can be relied on ------------------------------------------------------- */

  function trust(feed, now) {
    var age = now - feed.made_at;
    return {
      age_s: Math.max(age, 0),
      clock: age >= -BEHIND_S && now < feed.covered_until,
      early: age < -BEHIND_S,
      recent: age <= feed.ready_s,
      fresh: age <= feed.stale_s
    };
  }

  // what Hours.at tells; nothing is known of times that the list does not reach
  function opening(changes, now) {
    var states = changes[0], starts = changes[1], at = -1;
    while (at + 1 < starts.length && starts[at + 1] <= now) { at++; }
    if (at < 0) { return {state: "unknown", until: null, opens: null}; }
    var state = states.charAt(at), opens = null;
    for (var later = at + 1; state !== "o" && later < starts.length && opens === null; later++) {
      if (states.charAt(later) === "o") { opens = starts[later]; }
    }
    return {
      state: state === "o" ? "open" : state === "c" ? "closed" : "unknown",
      until: at + 1 < starts.length ? starts[at + 1] : null,
      opens: opens
    };
  }

  // starts come as minutes from the one before
  function unpackedHours(feed) {
    if (!feed.unpacked) {
      feed.unpacked = feed.hours.map(function (packed) {
        var at = feed.hours_from;
        return [packed[0], packed[1].map(function (step) { at += step * MINUTE_S; return at; })];
      });
    }
    return feed.unpacked;
  }

  function offset(feed, at) {
    var found = feed.offsets[0][1];
    feed.offsets.forEach(function (change) { if (change[0] <= at) { found = change[1]; } });
    return found;
  }

  // the fields of local time are those that getUTC... gives of this
  function local(feed, at) { return new Date((at + offset(feed, at)) * 1000); }

  function dayNumber(text) {
    var parts = text.split("-");
    return Date.UTC(+parts[0], parts[1] - 1, +parts[2]) / 1000 / DAY_S;
  }

  function checked(feed, kit, now) {
    if (!kit.last_checked) { return "NEVER"; }
    var today = Math.floor((now + offset(feed, now)) / DAY_S);
    if (kit.expires_on && dayNumber(kit.expires_on) < today) { return "EXPIRED"; }
    return dayNumber(kit.last_checked) >= today - feed.check_valid_days ? "RECENTLY" : "LONG_AGO";
  }

  function kits(feed) {
    if (!feed.rows) {
      feed.rows = feed.kits.map(function (values) {
        var kit = {};
        feed.columns.forEach(function (name, number) {
          kit[name] = values[number] === undefined ? null : values[number];
        });
        return kit;
      });
    }
    return feed.rows;
  }

  /* Judge one kit; a walker and a runner are there after so many seconds. */
  function judged(feed, kit, now, walker_s, runner_s) {
    var sure = trust(feed, now), told = {state: "unknown", until: null, opens: null};
    if (sure.clock) { told = opening(unpackedHours(feed)[kit.hours], now); }
    var availability = BY_STATE[told.state];
    // what was open by an old list is not open for sure
    var old = availability === "OPEN" && !sure.fresh;
    if (old) { availability = "UNKNOWN_HOURS"; }
    var left_s = told.until === null ? Infinity : told.until - now;
    if (availability === "OPEN" && left_s < walker_s) { availability = "CLOSING"; }
    if (kit.status !== "installed") { availability = "OUT_OF_SERVICE"; }
    if (kit.easting === null) { availability = "UNPLACED"; }
    var how = checked(feed, kit, now), doubt = doubted(feed, kit, now);
    // a word that is not shown takes the confirmation away as well
    var confirmed = how === "RECENTLY" && !doubt && !(now < kit.unconfirmed_until);
    return {
      kit: kit, availability: availability, opening: told, checked: how, doubt: doubt,
      confirmed: confirmed, old: old,
      runner_in_time: availability === "CLOSING" && left_s >= runner_s,
      soon_min: availability === "OPEN" && left_s <= feed.limits.soon_s ? Math.floor(left_s / MINUTE_S) : null,
      ready: availability === "OPEN" && confirmed && sure.recent
    };
  }

  function doubted(feed, kit, now) {
    return kit.doubt && now < kit.doubt[2] ? {finding: kit.doubt[0], at: kit.doubt[1]} : null;
  }

  function fetched(feed, found, apart_m, low_m, high_m) {
    var pace = feed.pace;
    var span = function (speed) {
      return {low_s: 2 * low_m / speed + pace.overhead_s, high_s: 2 * high_m / speed + pace.overhead_s};
    };
    found.distance_m = apart_m;
    found.walk = span(pace.walk_m_per_s);
    found.brisk = span(pace.brisk_m_per_s);
    found.run = span(pace.run_m_per_s);
    return found;
  }

  function onGrid(feed, position) {
    return position.easting === undefined ?
      grid(feed, position.lon, position.lat) : [position.easting, position.northing];
  }

  /* Rank the kits for a position {lon, lat, precision_m}, as the server does without streets. */
  function nearest(feed, position, now) {
    var here = onGrid(feed, position);
    var detour = feed.detour, found = {reachable: [], closing: [], unknown: [], unavailable: [], unplaced: []};
    kits(feed).forEach(function (kit, row) {
      if (kit.easting === null) {
        found.unplaced.push(judged(feed, kit, now, 0, 0));
        return;
      }
      var apart_m = apart(position.lon, position.lat, kit.longitude, kit.latitude);
      var straight_m = here ? length(kit.easting - here[0], kit.northing - here[1]) : apart_m;
      var blur_m = position.precision_m + kit.precision_m;
      var low_m = Math.max(straight_m - blur_m, 0) * detour.low;
      var high_m = (straight_m + blur_m) * detour.high;
      var arrival_s = function (speed) { return high_m / speed + feed.pace.overhead_s; };
      var pace = feed.pace, walker_s = arrival_s(pace.walk_m_per_s), runner_s = arrival_s(pace.run_m_per_s);
      var one = fetched(feed, judged(feed, kit, now, walker_s, runner_s), apart_m, low_m, high_m);
      one.metres = straight_m * detour.median;
      one.row = row;
      found[GROUPS[one.availability]].push(one);
    });
    IN_SERVICE.concat("unavailable").forEach(function (group) {
      found[group].sort(function (a, b) { return a.metres - b.metres || a.row - b.row; });
      found[group] = found[group].slice(0, feed.limits.count);
    });
    found.position = position;
    return found;
  }

  // how surely a kit can be here in time, the surest first: 3 is not at all
  function chance(feed, one) {
    var useful_s = feed.limits.useful_fetch_s;
    return one.walk.high_s <= useful_s ? 0 : one.run.high_s <= useful_s ? 1 : one.run.low_s <= useful_s ? 2 : 3;
  }

  // the surest to be here in time, the nearest among equals;
  // nothing is promised of a kit that somebody has just called gone
  function meant(feed, found) {
    return found.reachable.filter(function (one) { return !one.doubt; }).reduce(function (best, one) {
      return best && chance(feed, best) <= chance(feed, one) ? best : one;
    }, null);
  }

  /* What the answer means for whoever is beside a casualty: which sentence says so, how it looks,
     whether nobody should be sent, and whether 999 is asked before somebody goes; and which kit it
     is about, if it is about one. */
  function verdict(feed, found, people) {
    var first = meant(feed, found), sure = first ? chance(feed, first) : 3;
    var inReach = function (one) { return chance(feed, one) < 3; };
    var said = function (code, level, kit) {
      return {code: code, level: level, kit: kit || null, stay: code === "alone" || code === "far",
        ask: code !== "alone" && code !== "rough" && code !== "far"};
    };
    if (people === "alone") { return said("alone", "alone"); }
    if (!IN_SERVICE.some(function (group) { return found[group].some(inReach); })) {
      return said("far", "far");
    }
    if (found.position.precision_m > feed.limits.standard_m) { return said("rough", "far"); }
    if (sure === 0) { return said("near", "near", first); }
    if (sure === 1) { return said("run", "run", first); }
    if (sure === 2) { return said("perhaps", "run", first); }
    var doubted = found.reachable.filter(function (one) { return one.doubt && inReach(one); })[0];
    if (doubted) { return said("doubted", "far", doubted); }
    var closing = found.closing.filter(inReach)[0];
    if (closing) { return said("closing", "far", closing); }
    return found.unknown.some(inReach) ? said("shut", "far") : said("far", "far");
  }

  /* Divide kits into the few worth reading now, those that are meant among them, and the rest. */
  function worth(feed, found, told) {
    var parts = {farther: []}, kept = [meant(feed, found), told.kit];
    IN_SERVICE.forEach(function (group) {
      parts[group] = found[group].filter(function (one) {
        return one.run.low_s <= feed.limits.farthest_run_s;
      }).filter(function (one, number) { return number < feed.limits.shown || kept.indexOf(one) >= 0; });
      parts.farther = parts.farther.concat(found[group].filter(function (one) {
        return parts[group].indexOf(one) < 0;
      }));
    });
    return parts;
  }

  /* Whole minutes, outward. */
  function minutes(span) {
    return [
      Math.max(1, Math.floor(span.low_s / MINUTE_S)), Math.max(1, Math.ceil(span.high_s / MINUTE_S))
    ];
  }

  function vague(feed, span) { return span.high_s - span.low_s > feed.limits.vague_s; }

  /* A distance as a person says it: [number, unit]. */
  function metres(value) {
    if (value < 1000) { return [String(value >= 100 ? rounded(value / 10) * 10 : rounded(value)), "m"]; }
    return [(value / 1000).toFixed(1), "km"];
  }

  /* Times, in the reader's language: the fields of a date are those that getUTC... gives -------- */

  function two(value) { return (value < 10 ? "0" : "") + value; }

  // by a pattern of Unicode's locale data
  function written(words, pattern, day) {
    return pattern.replace(/'([^']*)'|([A-Za-z])\2*/g, function (run, quoted, letter) {
      var month = day.getUTCMonth(), length = run.length;
      switch (letter) {
        case undefined: return quoted;
        case "E": case "c": return words.days[day.getUTCDay()];
        case "d": return length > 1 ? two(day.getUTCDate()) : day.getUTCDate();
        case "M": case "L":
          if (length < 3) { return length > 1 ? two(month + 1) : month + 1; }
          return (length > 3 ? words.months.wide : words.months.abbreviated)[month];
        case "y": return day.getUTCFullYear();
        default: return run;
      }
    });
  }

  function hour(day) { return two(day.getUTCHours()) + ":" + two(day.getUTCMinutes()); }

  /* The hour is enough of what was today. */
  function since(words, day, today) {
    var same = Math.floor(day.getTime() / 1000 / DAY_S) === Math.floor(today.getTime() / 1000 / DAY_S);
    return same ? hour(day) : clock(words, day);
  }

  function clock(words, day) {
    return words.joined.replace("{1}", written(words, words.day, day)).replace("{0}", hour(day));
  }

  /* Places ----------------------------------------------------------------------------------- */

  function unpackedPostcodes(packed) {
    if (packed.codes) { return packed; }
    var alphabet = packed.alphabet, base = alphabet.length, value = {};
    for (var i = 0; i < base; i++) { value[alphabet.charAt(i)] = i; }
    var numbers = function (ranks) {
      var found = [];
      for (var at = 0; at < ranks[0].length; at++) {
        var number = 0;
        for (var rank = 0; rank < ranks.length; rank++) {
          number = number * base + value[ranks[rank].charAt(at)];
        }
        found.push(number);
      }
      return found;
    };
    var along = function (axis) {
      var at = packed.first[axis];
      return numbers(packed.steps[axis]).map(function (step) {
        at += step % 2 ? -(step + 1) / 2 : step / 2;
        return at;
      });
    };
    var gaps = numbers(packed.units), codes = [], at = 0;
    packed.sectors.forEach(function (sector, number) {
      var unit = 0;
      for (var left = packed.counts[number]; left > 0; left--) {
        unit += gaps[at++];
        codes.push(sector + String.fromCharCode(65 + Math.floor(unit / 26), 65 + unit % 26));
      }
    });
    packed.eastings = along(0);
    packed.northings = along(1);
    packed.codes = codes;
    return packed;
  }

  // distances of all postcodes from one position
  function spread(postcodes, easting, northing) {
    return postcodes.eastings.map(function (east, row) {
      return length(east - easting, postcodes.northings[row] - northing);
    });
  }

  function nearestPostcode(packed, easting, northing, within_m) {
    var postcodes = unpackedPostcodes(packed), best = -1, best_m = Infinity;
    // codes are in order: of those that share a place the first is taken
    spread(postcodes, easting, northing).forEach(function (away, row) {
      if (away < best_m) { best = row; best_m = away; }
    });
    return {code: best_m <= within_m ? postcodes.codes[best] : null, away_m: best_m};
  }

  /* Name the town, village or suburb whose middle is nearest. */
  function settlement(lists, position, within_m) {
    var best = null, best_m = within_m;
    lists.names.forEach(function (row) {
      if (["town", "village", "suburb"].indexOf(row[4]) < 0) { return; }
      var away = apart(position.lon, position.lat, row[1], row[2]);
      if (away <= best_m) { best = row[0]; best_m = away; }
    });
    return best;
  }

  function ascending(a, b) { return a - b; }

  function placed(feed, easting, northing, precision_m, label, kind) {
    var at = degrees(feed, easting, northing);
    return {easting: easting, northing: northing, lon: at[0], lat: at[1], precision_m: precision_m,
      label: label, kind: kind, note: "", sure: true};
  }

  function unit(feed, postcodes, code) {
    var row = postcodes.codes.indexOf(code);
    if (row < 0) { return null; }
    var easting = postcodes.eastings[row], northing = postcodes.northings[row];
    var places = feed.places, limits = places.unit_precision_m;
    var away = spread(postcodes, easting, northing).sort(ascending);
    var neighbour = away[Math.min(places.unit_neighbour, away.length - 1)];
    var precision = rounded(Math.min(Math.max(neighbour, limits[0]), limits[1]) / 10) * 10;
    return placed(feed, easting, northing, precision, code, "postcode");
  }

  // the share of sorted values that lies below, between neighbours as numpy has it
  function quantile(sorted, share) {
    var at = share * (sorted.length - 1), low = Math.floor(at);
    var next = sorted[Math.min(low + 1, sorted.length - 1)];
    return sorted[low] + (next - sorted[low]) * (at - low);
  }

  function district(feed, postcodes, code) {
    var east = [], north = [], sector = code.indexOf(" ") > 0;
    postcodes.codes.forEach(function (one, row) {
      if ((sector ? one.slice(0, -2) : one.split(" ")[0]) === code) {
        east.push(postcodes.eastings[row]);
        north.push(postcodes.northings[row]);
      }
    });
    if (!east.length) { return null; }
    var easting = quantile(east.slice().sort(ascending), 0.5);
    var northing = quantile(north.slice().sort(ascending), 0.5);
    var reach = quantile(east.map(function (e, row) {
      return length(e - easting, north[row] - northing);
    }).sort(ascending), 0.9);
    return placed(feed, easting, northing, Math.max(rounded(reach / 10) * 10, 100), code,
      sector ? "postcode sector" : "postcode district");
  }

  // O, I and L typed for digits where a postcode must have a digit
  function mended(text) {
    var code = text.replace(/ /g, "");
    if (code.length < 5 || code.length > 7) { return text; }
    var digits = function (part) {
      return part.replace(/O/g, "0").replace(/[IL]/g, "1");
    };
    var outward = code.slice(0, -3), inward = code.slice(-3);
    var letters = /^[A-Z]$/.test(outward.charAt(1)) && !/[OIL]/.test(outward.charAt(1)) ? 2 : 1;
    return outward.slice(0, letters) + digits(outward.slice(letters)) + " " +
      digits(inward.charAt(0)) + inward.slice(1);
  }

  function byPostcode(feed, packed, text) {
    var postcodes = unpackedPostcodes(packed), upper = text.toUpperCase();
    var shape = /\b([A-Z]{1,2}\d[A-Z\d]?)\s*(\d[A-Z]{2})\b/g, whole, codes = [];
    while ((whole = shape.exec(upper))) {
      if (codes.indexOf(whole[1] + " " + whole[2]) < 0) { codes.push(whole[1] + " " + whole[2]); }
    }
    if (!codes.length) {
      whole = /^([A-Z]{1,2}\d[A-Z\d]?)\s*(\d[A-Z]{2})$/.exec(mended(upper));
      if (whole && district(feed, postcodes, whole[1])) { codes.push(whole[1] + " " + whole[2]); }
    }
    if (codes.length) {
      var found = codes.map(function (code) {
        var exact = unit(feed, postcodes, code);
        if (exact) { return exact; }
        var wider = district(feed, postcodes, code.slice(0, -2)) ||
          district(feed, postcodes, code.split(" ")[0]);
        if (wider) { wider.note = "middle"; wider.asked = code; }
        return wider;
      }).filter(Boolean);
      if (codes.length > 1) { found.forEach(function (one) { one.sure = false; }); }
      return found.length ? found : null;
    }
    var sector = /^([A-Z]{1,2}\d[A-Z\d]?)\s+(\d)$/.exec(upper);
    var area = district(feed, postcodes, sector ? sector[1] + " " + sector[2] : upper);
    return area && [area];
  }

  // what is compared of a name
  function fold(text) {
    var plain = text.normalize ? text.normalize("NFKD") : text;
    plain = plain.toLowerCase().replace(/&/g, " and ").replace(/['\u2018\u2019`.]/g, "");
    var words = plain.match(/[a-z0-9]+/g) || [];
    if (words.length > 1 && words[0] === "the") { words.shift(); }
    return words.join(" ");
  }

  function named(feed, lists, text) {
    var folded = fold(text), exact = [], longer = [];
    if (!folded) { return null; }
    lists.names.forEach(function (row) {
      // folded once, beside what came
      if (row.length < 7) { row.push(fold(row[0]), fold(row[0].split(",")[0])); }
      if (row[5] === folded || row[6] === folded) {
        exact.push(row);
      } else if (folded.length > 2 && (" " + row[5]).indexOf(" " + folded) >= 0) {
        longer.push(row);
      }
    });
    var rows = exact.length ? exact : longer;
    // of a street only the town is known here
    var parts = text.split(",");
    if (!rows.length && parts.length > 1) {
      var around = named(feed, lists, parts.slice(1).join(","));
      return around && around.map(function (one) {
        one.note = "around";
        one.sure = false;
        return one;
      });
    }
    return rows.length ? rows.map(function (row) {
      return {lon: row[1], lat: row[2], precision_m: row[3], label: row[0], kind: row[4], note: "",
        sure: rows === exact};
    }) : null;
  }

  function byCoordinates(feed, text) {
    var match = /^([-+\u2212]?\d{1,3}(?:\.\d+)?)[\s,;]+([-+\u2212]?\d{1,3}(?:\.\d+)?)$/.exec(text);
    if (!match) { return null; }
    var numbers = [1, 2].map(function (number) { return +match[number].replace("\u2212", "-"); });
    var swapped = Math.abs(numbers[0]) < Math.abs(numbers[1]);
    var lat = numbers[swapped ? 1 : 0], lon = numbers[swapped ? 0 : 1];
    var decimals = Math.min.apply(null, [1, 2].map(function (number) {
      return (match[number].split(".")[1] || "").length;
    }));
    return [{lon: lon, lat: lat, precision_m: Math.max(111000 / Math.pow(10, decimals), 1),
      label: lat.toFixed(5) + ", " + lon.toFixed(5), kind: "point", note: "", sure: true}];
  }

  /* What a text may mean, as far as a device can tell; null if nothing. */
  function resolved(feed, lists, text) {
    var asked = text.replace(/\s+/g, " ").trim();
    return asked ? byPostcode(feed, lists.postcodes, asked) || byCoordinates(feed, asked) ||
      named(feed, lists, asked) : null;
  }

  return {
    apart: apart, clock: clock, degrees: degrees, grid: grid, gridReference: gridReference,
    judged: judged, kits: kits, local: local, metres: metres, minutes: minutes, nearest: nearest,
    nearestPostcode: nearestPostcode, onGrid: onGrid, plusCode: plusCode, resolved: resolved,
    settlement: settlement, since: since, trust: trust, unpackedPostcodes: unpackedPostcodes,
    vague: vague, verdict: verdict, worth: worth, written: written
  };
})();
if (typeof module !== "undefined") { module.exports = search; }
