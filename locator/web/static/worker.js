/* Keep on the device what an emergency needs, and answer with it when the server does not.
   SITE stands before this text (locator/web/offline.py); without a version it removes itself and all it kept.
   What a person sends is held in memory until the page that answers asks for it, and nowhere else. */
(function () {
  "use strict";
  // another site on the same host has caches of its own
  var OURS = "bleed-kits " + SITE.root + "/ ", SHELL, DATA;
  var instead = {}, heard = 0;
  // older browsers do not say which page an answer makes
  var NAMELESS = "";
  // a list that is younger is not asked for again, and an answer is not waited for longer
  var AGAIN_MS = 60000, LONGEST_MS = 20000;

  function removed(unwanted) {
    return caches.keys().then(function (names) {
      return Promise.all(names.filter(function (name) {
        return name.indexOf(OURS) === 0 && unwanted(name);
      }).map(function (name) { return caches.delete(name); }));
    });
  }

  if (!SITE.version) {
    self.addEventListener("install", function () { self.skipWaiting(); });
    self.addEventListener("activate", function (event) {
      event.waitUntil(removed(function () { return true; }).then(function () {
        return self.registration.unregister();
      }));
    });
    return;
  }
  SHELL = OURS + "shell-" + SITE.version;
  DATA = OURS + "data-" + SITE.format;

  // an address as the site knows it: the language in front, and the path behind it
  function split(pathname) {
    var path = pathname.slice(SITE.root.length), first = path.split("/")[1];
    if (SITE.languages.indexOf(first) < 0) { return {front: SITE.root, path: path}; }
    return {front: SITE.root + "/" + first, path: path.slice(first.length + 1)};
  }

  function within(ms, promise) {
    return new Promise(function (resolve, reject) {
      var timer = setTimeout(function () { reject(new Error("no answer")); }, ms);
      promise.then(resolve, reject).then(function () { clearTimeout(timer); });
    });
  }

  function good(answer) {
    if (!answer.ok || answer.redirected) { throw new Error("status " + answer.status); }
    return answer;
  }

  /* Keep a page and what it is made of. The addresses of static files change with their content. */
  function keep(cache, path) {
    return fetch(path, {cache: "no-cache"}).then(good).then(function (page) {
      return page.clone().text().then(function (html) {
        var parts = (html.match(/(?:href|src)="[^"]*"/g) || []).map(function (part) {
          return part.split('"')[1].replace(/&amp;/g, "&");
        }).filter(function (address) { return address.indexOf(SITE.static) === 0; });
        return Promise.all(parts.concat(SITE.parts).map(function (address) {
          return cache.match(address).then(function (known) {
            return known || fetch(address).then(good).then(function (file) {
              return cache.put(address, file);
            });
          });
        }));
      }).then(function () { return cache.put(path, page); });
    });
  }

  function keepAll(cache, front) {
    return keep(cache, front + SITE.offline).then(function () {
      return Promise.all(SITE.pages.map(function (path) {
        return keep(cache, front + path).catch(nothing);
      }));
    });
  }

  function nothing() { return null; }

  /* Ask for the newest list; whoever shows the old one hears of it. */
  function renew() {
    return within(LONGEST_MS, fetch(SITE.feed, {cache: "no-cache"})).then(good).then(function (answer) {
      return answer.clone().json().then(function (feed) {
        if (feed.format !== SITE.format) { throw new Error("another format"); }
        heard = Date.now();
        return caches.open(DATA).then(function (cache) { return cache.put(SITE.feed, answer); });
      });
    });
  }

  function tell(client, message) { if (client) { client.postMessage(message); } }

  function renewAndTell() {
    return renew().then(function () { return true; }, function () { return false; }).then(function (renewed) {
      return self.clients.matchAll({type: "window"}).then(function (pages) {
        pages.forEach(function (page) { tell(page, {renewed: renewed}); });
      });
    });
  }

  // the languages that somebody has read before this version came
  function fronts() {
    return caches.keys().then(function (names) {
      return Promise.all(names.filter(function (name) {
        return name.indexOf(OURS + "shell-") === 0;
      }).map(function (name) {
        return caches.open(name).then(function (cache) { return cache.keys(); });
      }));
    }).then(function (lists) {
      var found = [SITE.root];
      [].concat.apply([], lists).forEach(function (request) {
        var place = split(new URL(request.url).pathname);
        if (place.path === SITE.offline && found.indexOf(place.front) < 0) { found.push(place.front); }
      });
      return found;
    });
  }

  self.addEventListener("install", function (event) {
    event.waitUntil(Promise.all([caches.open(SHELL), fronts()]).then(function (found) {
      return Promise.all(found[1].map(function (front) {
        // the language of the browser must be there; others follow when they are read again
        return front === SITE.root ? keepAll(found[0], front) : keepAll(found[0], front).catch(nothing);
      }));
    }).then(renew).then(function () { return self.skipWaiting(); }));
  });

  self.addEventListener("activate", function (event) {
    event.waitUntil(removed(function (name) { return name !== SHELL && name !== DATA; })
      .then(function () { return self.clients.claim(); }));
  });

  self.addEventListener("message", function (event) {
    var told = event.data || {};
    if (told.instead) {
      tell(event.source, {instead: instead[event.source.id] || instead[NAMELESS] || null});
      delete instead[event.source.id];
      delete instead[NAMELESS];
    }
    if (told.keep) {
      event.waitUntil(caches.open(SHELL).then(function (cache) {
        return cache.match(told.keep).then(function (known) {
          return known || keepAll(cache, split(new URL(told.keep, self.location).pathname).front);
        });
      }).catch(nothing));
    }
    if (told.renew || told.keep && Date.now() - heard > AGAIN_MS) { event.waitUntil(renewAndTell()); }
  });

  self.addEventListener("periodicsync", function (event) { event.waitUntil(renewAndTell()); });

  /* What is kept for an address: the page itself, or the one that answers without a server. */
  function kept(place) {
    var own = SITE.pages.indexOf(place.path) >= 0 ? place.path : SITE.offline;
    return caches.open(SHELL).then(function (cache) {
      return cache.match(place.front + own, {ignoreVary: true}).then(function (page) {
        return page || cache.match(SITE.root + SITE.offline, {ignoreVary: true});
      });
    }).catch(nothing);
  }

  // what a proxy says of a server that is not there, and what our own says when it is busy
  function alive(busy) {
    return function (answer) {
      var status = answer.status;
      if (status === 502 || status === 504 || busy && status === 503) {
        throw new Error("status " + status);
      }
      return answer;
    };
  }

  /* Ask the server, and answer instead of it if it does not. */
  function visit(event, place, told) {
    var answer = fetch(event.request), patience = told.patience || SITE.patience[place.path];
    // nobody waits for an answer that is late, but it must not be an error of its own
    answer.catch(nothing);
    // other pages have words of their own for a server that is busy
    return (patience ? within(patience, answer) : answer).then(alive(patience)).catch(function () {
      return Promise.all([kept(place), told.form ? told.form() : ""]).then(function (found) {
        instead = {};
        instead[event.resultingClientId || NAMELESS] = {form: found[1], unsent: !!told.unsent};
        return found[0] || answer;
      });
    });
  }

  self.addEventListener("fetch", function (event) {
    var request = event.request, url = new URL(request.url);
    if (url.origin !== self.location.origin || url.pathname.indexOf(SITE.root + "/") !== 0) { return; }
    var place = split(url.pathname);
    if (request.mode === "navigate" && request.method === "GET") {
      event.respondWith(visit(event, place, {}));
    } else if (request.mode === "navigate" && place.path === SITE.home) {
      var copy = request.clone();
      event.respondWith(visit(event, place, {
        patience: SITE.patience_when_asked, form: function () { return copy.text().catch(nothing); }
      }));
    } else if (request.mode === "navigate" && place.path.indexOf(SITE.kits) === 0) {
      event.respondWith(visit(event, place, {unsent: true}));
    } else if (request.method === "GET" && (url.pathname === SITE.feed ||
        url.pathname.indexOf(SITE.static) === 0 ||
        SITE.parts.indexOf(url.pathname + url.search) >= 0)) {
      event.respondWith(first(request, url.pathname === SITE.feed ? DATA : SHELL));
    }
  });

  function first(request, name) {
    return caches.open(name).then(function (cache) {
      return cache.match(request, {ignoreVary: true});
    }).catch(nothing).then(function (known) { return known || fetch(request); });
  }
})();
