/**
 * The storefront's one script: how a shop speaks to Miles Plus Cash, page by page.
 *
 * Read it from the top: api() is how to call, purchase() is how never to buy twice, and each page is one function.
 * Everything that the shop says goes into the page as text, never as HTML: a name may hold anything.
 */

const SHOP = new URL(".", location.href);
const API = new URL("..", SHOP);

// ── What is kept ────────────────────────────────────────────────────────────────────────────────────────────────────

/** A store of JSON values. Where the browser offers none, or none that still works, it lasts as long as the page. */
function keeper(open) {
  const memory = new Map();
  const attempt = (action) => {
    try {
      return action(open());
    } catch {
      return undefined; // storage is off, or full: what is in memory has to do
    }
  };
  return {
    lasts: attempt((area) => area.setItem("miles.probe", "1") ?? true) === true,
    get(name) {
      if (memory.has(name)) return memory.get(name);
      return attempt((area) => JSON.parse(area.getItem(`miles.${name}`))) ?? null;
    },
    set(name, value) {
      const isKept = attempt((area) => area.setItem(`miles.${name}`, JSON.stringify(value)) ?? true);
      if (isKept) memory.delete(name);
      else memory.set(name, value);
    },
    drop(name) {
      memory.delete(name);
      attempt((area) => area.removeItem(`miles.${name}`));
    },
  };
}

/** The token and a purchase under way belong to this tab; the basket to this device. */
const tab = keeper(() => sessionStorage);
const device = keeper(() => localStorage);

// ── Calling the API ─────────────────────────────────────────────────────────────────────────────────────────────────

/** A refusal: problem+json (RFC 9457). Switch on `code`; the numbers behind it are in `facts`. */
class Problem extends Error {
  constructor(status, facts, retryAfter_s) {
    super(facts.title ?? `The server answered with ${status}.`);
    Object.assign(this, { status, facts, code: facts.code, retryAfter_s });
  }
}

/** No answer at all. Whether the request arrived, nobody knows. */
class Unreachable extends Error {}

/** One request; gives `{status, data}`. Throws Problem, Unreachable, or AbortError where `signal` fired. */
async function send(path, { method = "GET", body, key, signal, from = API } = {}) {
  const headers = { Accept: "application/json" };
  const token = tab.get("token");
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  let response, text;
  try {
    response = await fetch(new URL(path, from), { method, headers, signal, body: body && JSON.stringify(body) });
    text = await response.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Unreachable();
  }
  const data = parsed(text);
  if (response.ok && data !== null) return { status: response.status, data };
  throw new Problem(response.status, data ?? {}, Number(response.headers.get("Retry-After")) || 0);
}

/** What a proxy answers in the API's place may be no JSON. */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The body of the answer. A reading that is told to come again does, twice; a writing is its caller's affair. */
async function api(path, options = {}) {
  for (let tries = 1; ; tries++) {
    try {
      return (await send(path, options)).data;
    } catch (error) {
      const mayAgain = error instanceof Problem && error.retryAfter_s && !options.method && tries < 3;
      if (!mayAgain) throw error;
      await sleep(Math.min(error.retryAfter_s, 5));
    }
  }
}

const sleep = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

/** The codes that a shopper can do something about, in words. */
const WORDS = {
  unauthenticated: () => "Your sign-in has ended. Sign in again.",
  forbidden: () => "This sign-in is not a customer's. Sign in as one.",
  insufficient_points: ({ available }) => `You have ${points(available)} to use. Use fewer.`,
  points_exceed_total: ({ most }) => `This order takes ${points(most)} at most. Use fewer.`,
  points_above_maximum: ({ maximum }) => `One order takes ${points(maximum)} at most. Use fewer.`,
  points_below_minimum: ({ minimum }) => `An order takes at least ${points(minimum)}, or none. Use more, or none.`,
  unknown_product: () => "Something in your basket is not sold any more. Remove it and go on.",
  payment_declined: () => "The card was declined. Nothing was charged, and your points are back. Try another card.",
  total_changed: ({ total, expected_total: expected, currency }) =>
    `A price has changed: the total is now ${money(total, currency)}, not ${money(expected, currency)}. ` +
    "Look it over, and pay if you agree.",
  try_again: () => "The shop is busy with your account. Try again in a moment.",
  in_flight: () => "Your order is still being worked on. Try again in a moment.",
  idempotency_key_reused: () => "This order was changed after it was sent. Look into your orders before you pay again.",
  unknown_order: () => "There is no such order. All of yours are under Orders.",
  invalid_cursor: () => "This list has changed. Load the page again.",
};

/** What went wrong and what to do about it. */
function inWords(error) {
  if (error instanceof Unreachable) return "The shop cannot be reached. Check your connection and try again.";
  if (!(error instanceof Problem)) return "This page failed. Load it again.";
  if (WORDS[error.code]) return WORDS[error.code](error.facts);
  if (error.status >= 500) return "The shop cannot answer now. Try again in a moment.";
  const details = Object.values(error.facts.errors ?? {}).flat();
  return [error.message, ...details].join(" ");
}

// ── Numbers and times as the viewer writes them ─────────────────────────────────────────────────────────────────────

/** Rupees are grouped as in India wherever the viewer is: ₹1,00,000. */
const localeOf = (currency) => (currency === "INR" ? "en-IN" : navigator.language);

/** Points are grouped as the shop's money is. */
const numberLocale = () => localeOf(device.get("currency") ?? "INR");

/**
 * Decimals of the currencies that have not two. Source: ISO 4217, list one. The browser's own count is another one: it
 * says how cash is counted out (0 for PKR), not what a minor unit is.
 */
const OTHER_THAN_TWO = {
  0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
  3: "BHD IQD JOD KWD LYD OMR TND",
  4: "CLF UYW",
};
const decimalsOf = (currency) =>
  Number(Object.keys(OTHER_THAN_TWO).find((decimals) => OTHER_THAN_TWO[decimals].includes(currency)) ?? 2);

/** An amount in minor units, which a currency has two of, or none, or three. */
function money(minor, currency) {
  const decimals = decimalsOf(currency);
  const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  const format = { style: "currency", currency, trailingZeroDisplay: "stripIfInteger", ...digits };
  return new Intl.NumberFormat(localeOf(currency), format).format(minor / 10 ** decimals);
}

const number = (count) => new Intl.NumberFormat(numberLocale()).format(count);
const points = (count) => `${number(count)} ${Math.abs(count) === 1 ? "point" : "points"}`;
const signed = (count) => (count > 0 ? `+${number(count)}` : number(count).replace("-", "−"));

/** An instant in the viewer's zone, in UTC on hover. */
function time(instant) {
  const words = new Intl.DateTimeFormat(navigator.language, { dateStyle: "medium", timeStyle: "short" });
  const utc = `${instant.slice(0, 16).replace("T", " ")} UTC`;
  return el("time", { datetime: instant, title: utc }, words.format(new Date(instant)));
}

// ── The page ────────────────────────────────────────────────────────────────────────────────────────────────────────

const byId = (id) => document.getElementById(id);

/** An element with attributes (a function listens, true stands alone, false and null are left out) and children. */
function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value !== false && value != null) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child != null));
  return made;
}

const quietButton = (label, click) => el("button", { type: "button", class: "quiet", click }, label);

/** Terms and what they stand at. */
const facts = (...pairs) => pairs.map(([term, value]) => el("div", {}, el("dt", {}, term), el("dd", {}, value)));

/** Say it to who listens to the page. */
function announce(words) {
  byId("announcer").textContent = "";
  requestAnimationFrame(() => (byId("announcer").textContent = words));
}

/** Show that something went wrong, and the way on. */
function complain(place, words, ...ways) {
  place.replaceChildren(el("div", { class: "notice bad", role: "alert" }, el("p", {}, words), ...ways));
}

/**
 * Do what may fail. If it does, say so in `place`, with a way to do all of it again; a sign-in that ended leads to a new
 * one. What `action` itself tries needs a place of its own: this one is cleared once it has worked.
 */
async function trying(place, action) {
  try {
    const result = await action();
    place.replaceChildren();
    return result;
  } catch (error) {
    if (error.name === "AbortError") return undefined;
    if (error.status === 401) return goSignIn("ended");
    if (!(error instanceof Problem || error instanceof Unreachable)) {
      complain(place, inWords(error), quietButton("Load it again", () => location.reload()));
      throw error; // a fault of the page's own: the browser's console says which
    }
    const isSignedInWrongly = error.code === "forbidden";
    const again = () => quietButton("Try again", () => trying(place, action));
    complain(place, inWords(error), isSignedInWrongly ? el("a", { href: "sign-in" }, "Sign in") : again());
    return undefined;
  }
}

/** Once nothing has come for `wait_ms`. */
function settled(wait_ms, action) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(action, wait_ms);
  };
}

/** A picture of a product: its own where the shop serves it, else a tile made of its category and name. */
function picture(product) {
  if (product.image_url && URL.canParse(product.image_url, API)) {
    const address = new URL(product.image_url, API);
    if (address.origin === location.origin) {
      const error = (event) => event.target.replaceWith(tile(product));
      return el("img", { class: "tile", src: address.href, alt: "", loading: "lazy", error });
    }
  }
  return tile(product);
}

function tile({ name, category }) {
  const draw = (tag, attributes, ...children) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
    made.append(...children);
    return made;
  };
  const [x, y, turn] = [hash(name) % 120, (hash(name) >>> 8) % 90, (hash(name) >>> 16) % 50];
  const rings = [70, 48, 28].map((r) => draw("circle", { cx: x, cy: y, r, class: "ring" }));
  const initial = draw("text", { x: 60, y: 59, "text-anchor": "middle" }, ([...name.trim()][0] ?? "?").toUpperCase());
  const made = draw("svg", { viewBox: "0 0 120 90", class: "tile", "aria-hidden": "true" });
  made.append(draw("rect", { width: 120, height: 90 }), ...rings, initial);
  // A category has a range of the colour wheel, and each name its place in it.
  made.style.setProperty("--hue", String(((hash(category) * 137.5) % 360) + turn));
  return made;
}

const hash = (text) => [...text].reduce((sum, character) => (sum * 31 + character.codePointAt(0)) >>> 0, 7);

/** Hide a list's button at its end; who stood on it goes on with what it brought. */
function offerMore(button, next, first) {
  const stoodOnIt = document.activeElement === button;
  button.hidden = !next;
  if (next || !stoodOnIt || !first) return;
  first.tabIndex = -1;
  first.focus();
}

/** A list that goes on: `row` makes an item's element. */
function paged(place, path, row, nothing) {
  const list = el("ul", { class: "rows" });
  const state = el("div");
  const more = quietButton("Load more", () => load());
  let next = null;
  const load = () =>
    trying(state, async () => {
      const page = await api(next ? `${path}?cursor=${encodeURIComponent(next)}` : path);
      const before = list.children.length;
      list.append(...page.items.map(row));
      if (before) announce(`${page.items.length} more.`);
      next = page.next;
      list.hidden = !list.children.length;
      offerMore(more, next, list.children[before]);
      if (list.hidden) state.after(nothing());
    });
  more.hidden = list.hidden = true;
  place.replaceChildren(list, state, el("p", { class: "centred" }, more));
  return load();
}

// ── Who is here ─────────────────────────────────────────────────────────────────────────────────────────────────────

const tokenAtFirst = tab.get("token");
let asking = null;

/** The member's points, asked for once a page unless `afresh`. */
function member(afresh = false) {
  if (afresh || !asking) {
    asking = api("user/points");
    asking.catch(() => (asking = null)); // a failure is not kept: the next who asks may fare better
  }
  return asking;
}

/** Go and sign in, and come back here. */
function goSignIn(why) {
  tab.drop("token");
  const back = location.href.slice(SHOP.href.length);
  location.replace(new URL(`sign-in?${new URLSearchParams({ why, back })}`, SHOP));
}

function signOut() {
  tab.drop("token");
  location.assign(SHOP);
}

/** The name and the points in the header; a token that is refused is as good as none. */
async function showMember(afresh = false) {
  const place = byId("account");
  const invitation = el("a", { href: "sign-in", "aria-current": document.body.dataset.page === "sign-in" && "page" });
  invitation.textContent = "Sign in";
  if (!tab.get("token")) return place.replaceChildren(invitation);
  try {
    const me = await member(afresh);
    const mine = el("a", { href: "points", class: "mine" }, el("bdi", {}, me.user), el("b", {}, points(me.available)));
    return place.replaceChildren(mine, quietButton("Sign out", signOut));
  } catch (error) {
    if (error instanceof Problem && error.status < 500) return place.replaceChildren(invitation);
    return place.replaceChildren(quietButton("Sign out", signOut)); // nobody knows: the page itself says why
  }
}

async function signIn() {
  const asked = new URLSearchParams(location.search);
  const why = { ended: "Your sign-in has ended. Sign in again.", needed: "Sign in to go on." }[asked.get("why")];
  if (why) byId("why").replaceChildren(el("p", { class: "notice" }, why));
  await trying(byId("state"), async () => {
    const { by_name: byName } = await api("sign-in/options", { from: SHOP });
    byId("by-name").hidden = !byName;
    byId("by-token").hidden = byName;
  });
  const into = async (makeToken) => {
    byId("why").replaceChildren();
    try {
      tab.set("token", await makeToken());
      await member(true);
    } catch (error) {
      tab.drop("token");
      const isRefused = error.code === "unauthenticated";
      return complain(byId("why"), isRefused ? `This token is refused: ${error.facts.detail}` : inWords(error));
    }
    const advice = "This browser keeps nothing for this site. Allow it to, and sign in again.";
    if (!tab.lasts) return complain(byId("why"), advice);
    return location.assign(wayBack(asked.get("back")));
  };
  const byName = (user) =>
    into(async () => (await api("sign-in", { method: "POST", body: { user }, from: SHOP })).token);
  for (const button of document.querySelectorAll("[data-name]")) {
    button.addEventListener("click", () => byName(button.dataset.name));
  }
  onSubmit(byId("name-form"), () => byName(byId("user").value));
  onSubmit(byId("token-form"), () => into(async () => pasted(byId("token").value)));
  if (!tab.get("token")) return;
  const me = await member().catch(() => null); // refused or out of reach: then one just signs in
  if (!me) return;
  byId("who").textContent = me.user;
  byId("present").hidden = false;
  byId("sign-out").addEventListener("click", signOut);
}

/** A token as it was pasted: with blanks, line breaks and perhaps the word Bearer. */
function pasted(text) {
  const token = text.trim().replace(/^bearer\s+/i, "").replace(/\s+/g, "");
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new Problem(401, { code: "unauthenticated", detail: "it holds characters that no token has." });
}

/** Back to a page of this shop, whatever the address says. */
function wayBack(back) {
  const address = back && URL.canParse(back, SHOP) ? new URL(back, SHOP) : SHOP;
  return address.href.startsWith(SHOP.href) ? address : SHOP;
}

function onSubmit(form, action) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    action();
  });
}

// ── The basket ──────────────────────────────────────────────────────────────────────────────────────────────────────

const MAX_LINES = 100;
const MAX_QUANTITY = 1000;

/** Lines as they were put in, with what the product looked like then. What they cost, the server says. */
const basket = {
  lines() {
    const kept = device.get("basket");
    return Array.isArray(kept) ? kept.filter(isLine) : []; // anybody may have written there
  },
  save(lines) {
    device.set("basket", lines);
    showCount();
  },
  /** Put in; gives how many of it there are now, or 0 where the basket is full. */
  add(product, quantity) {
    const lines = basket.lines();
    const line = lines.find((each) => each.id === product.id);
    if (!line && lines.length >= MAX_LINES) return 0;
    const many = Math.min((line?.quantity ?? 0) + quantity, MAX_QUANTITY);
    const entry = { ...asPutIn(product), quantity: many };
    basket.save(line ? lines.map((each) => (each === line ? entry : each)) : [...lines, entry]);
    return many;
  },
  change(id, changes) {
    basket.save(basket.lines().map((line) => (line.id === id ? { ...line, ...changes } : line)));
  },
  remove(id) {
    basket.save(basket.lines().filter((line) => line.id !== id));
  },
  /** Take out what was bought; another tab may have put in more meanwhile. */
  takeOut(items) {
    const bought = new Map(items.map((item) => [item.product_id, item.quantity]));
    const left = basket.lines().map((line) => ({ ...line, quantity: line.quantity - (bought.get(line.id) ?? 0) }));
    basket.save(left.filter((line) => line.quantity > 0));
  },
};

/** What a line shows of its product. */
const asPutIn = ({ id, name, brand, category, price, currency, image_url: image }) => {
  return { id, name, brand, category, price, currency, image_url: image };
};

const isLine = (line) => Number.isInteger(line?.id) && isQuantity(line.quantity) && `${line.name}` === line.name;
const isQuantity = (value) => Number.isInteger(value) && value >= 1 && value <= MAX_QUANTITY;

function showCount() {
  const count = basket.lines().reduce((sum, line) => sum + line.quantity, 0);
  const things = el("span", { class: "unseen" }, count === 1 ? " thing" : " things");
  byId("basket-count").replaceChildren(...(count ? [number(count), things] : []));
}

// ── Browse ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const A_PAGE = 24;
const AT_MOST = 100;

/** The address holds what is asked, in the API's own words: reload, back and a sent link find the same. */
async function browse() {
  const form = byId("search");
  const results = byId("results");
  const field = (name) => form.elements.namedItem(name);
  let asked, currency, next, underWay;

  /** What the form asks. */
  function ofForm() {
    const data = new FormData(form);
    const scale = 10 ** decimalsOf(currency);
    const fitting = (amount) => Math.round(Math.min(Math.max(amount, 0) * scale, Number.MAX_SAFE_INTEGER));
    const price = (name) => (data.get(name) ? String(fitting(Number(data.get(name)))) : "");
    const words = [["q", data.get("q").trim()], ["sort", data.get("sort")]];
    const prices = [["min_price", price("min")], ["max_price", price("max")]];
    const chosen = ["category", "brand"].flatMap((name) => data.getAll(name).map((value) => [name, value]));
    return new URLSearchParams([...words, ...prices, ...chosen].filter(([, value]) => value !== ""));
  }

  /** What the address asks, into the form. */
  function fromAddress() {
    currency = device.get("currency") ?? "INR";
    asked = new URLSearchParams(location.search);
    field("q").value = (asked.get("q") ?? "").slice(0, field("q").maxLength);
    field("sort").value = asked.get("sort") ?? "";
    if (field("sort").selectedIndex < 0) field("sort").value = "";
    const scale = 10 ** decimalsOf(currency);
    for (const name of ["min", "max"]) {
      const price = asked.get(`${name}_price`);
      field(name).value = /^\d{1,15}$/.test(price ?? "") ? Number(price) / scale : "";
    }
    showFacets({ category: {}, brand: {} });
    asked = ofForm();
  }

  function showFacets(facets) {
    const focused = document.activeElement?.name && `${document.activeElement.name}=${document.activeElement.value}`;
    for (const name of ["category", "brand"]) {
      const chosen = asked.getAll(name);
      const missing = chosen.filter((value) => !Object.hasOwn(facets[name], value)).map((value) => [value, 0]);
      const counted = [...missing, ...Object.entries(facets[name])];
      const row = ([value, count]) => choice(name, value, count, chosen.includes(value));
      byId(name).replaceChildren(...counted.map(row));
    }
    const boxes = [...form.elements].filter((control) => control.type === "checkbox");
    boxes.find((box) => `${box.name}=${box.value}` === focused)?.focus({ preventScroll: true });
    const count = ["category", "brand", "min_price", "max_price"].flatMap((name) => asked.getAll(name)).length;
    byId("filter-count").replaceChildren(...(count ? [number(count), el("span", { class: "unseen" }, " set")] : []));
  }

  function choice(name, value, count, checked) {
    const box = el("input", { type: "checkbox", form: "search", name, value, checked });
    return el("label", { class: "choice" }, box, el("span", {}, value), el("small", {}, number(count)));
  }

  /** Ask, and show. An answer to what is no longer asked is dropped. */
  async function search({ cursor, limit = A_PAGE } = {}) {
    underWay?.abort();
    underWay = new AbortController();
    const { signal } = underWay;
    // Facets each time: a cursor goes on with the very question that it came from.
    const query = new URLSearchParams([...asked, ["facets", 1], ["limit", limit]]);
    if (cursor) query.set("cursor", cursor);
    results.setAttribute("aria-busy", "true");
    await trying(cursor ? byId("more-state") : byId("state"), async () => {
      try {
        const page = await api(`products/search?${query}`, { signal });
        const before = results.children.length;
        if (cursor) results.append(...page.items.map(card));
        else showFirst(page);
        next = page.next;
        offerMore(byId("more"), next, results.children[before]);
        if (cursor) announce(`${page.items.length} more, ${number(results.children.length)} shown.`);
        history.replaceState({ shown: results.children.length }, "");
        results.removeAttribute("aria-busy");
      } catch (error) {
        if (error.name !== "AbortError") {
          results.removeAttribute("aria-busy");
          if (!cursor) results.replaceChildren();
          byId("more").hidden = !cursor;
        }
        throw error;
      }
    });
  }

  function showFirst({ items, facets }) {
    if (items.length) device.set("currency", (currency = items[0].currency));
    results.replaceChildren(...items.map(card));
    showFacets(facets);
    // A category's count leaves out which categories were chosen, so those that were make up the result.
    const chosen = asked.getAll("category");
    const counts = Object.entries(facets.category).filter(([name]) => !chosen.length || chosen.includes(name));
    const total = counts.reduce((sum, [, count]) => sum + count, 0);
    const words = `${number(total)} ${total === 1 ? "product" : "products"}`;
    byId("found").textContent = words;
    announce(items.length ? `${words} found.` : "Nothing found.");
    if (!items.length) results.replaceChildren(nothingFound());
  }

  function nothingFound() {
    const what = asked.get("q") ? `Nothing found for “${asked.get("q")}”.` : "Nothing found.";
    const advice = "Fewer words or fewer filters find more.";
    return el("li", { class: "empty" }, el("p", {}, what, " ", advice), quietButton("Clear the filters", clear));
  }

  function go(isNewPlace) {
    asked = ofForm();
    const address = new URL(`./?${asked}`, SHOP).href.replace(/\?$/, "");
    history[isNewPlace ? "pushState" : "replaceState"](null, "", address);
    return search();
  }

  function clear() {
    for (const name of ["q", "min", "max"]) field(name).value = "";
    for (const control of form.elements) if (control.type === "checkbox") control.checked = false;
    field("q").focus();
    return go(true);
  }

  const soon = settled(180, () => go(false));
  form.addEventListener("submit", (event) => (event.preventDefault(), go(false)));
  field("q").addEventListener("input", soon);
  // The filters stand outside of the form and belong to it all the same: their events pass the document.
  document.addEventListener("change", ({ target }) => target.form === form && target !== field("q") && go(true));
  byId("clear").addEventListener("click", clear);
  byId("more").addEventListener("click", () => search({ cursor: next }));
  const restore = () => {
    fromAddress();
    return search({ limit: Math.min(Math.max(history.state?.shown ?? 0, A_PAGE), AT_MOST) });
  };
  addEventListener("popstate", restore);
  const wide = matchMedia("(min-width: 56rem)");
  wide.addEventListener("change", () => (byId("filters").open = wide.matches));
  byId("filters").open = wide.matches;
  const skeleton = () => el("li", { class: "card skeleton", "aria-hidden": "true" });
  results.replaceChildren(...Array.from({ length: 8 }, skeleton));
  await restore();
}

function card(product) {
  const link = el("a", { href: `product?id=${product.id}` }, product.name);
  const brand = el("p", { class: "over" }, product.brand);
  const price = el("p", { class: "price" }, money(product.price, product.currency));
  return el("li", { class: "card" }, picture(product), brand, el("h3", {}, link), price);
}

// ── A product ───────────────────────────────────────────────────────────────────────────────────────────────────────

async function product() {
  if (document.referrer.split("?")[0] === SHOP.href) byId("back").href = document.referrer; // with what was asked there
  const id = new URLSearchParams(location.search).get("id") ?? "";
  await trying(byId("state"), async () => {
    let found;
    try {
      found = await api(`products/${encodeURIComponent(id || "0")}`);
    } catch (error) {
      if (error.status !== 404) throw error;
      byId("name").textContent = "This is not sold here";
      byId("description").textContent = "It may have been once. The shop shows what is sold now.";
      return;
    }
    device.set("currency", found.currency);
    document.title = `${found.name} · Miles Plus Cash`;
    byId("picture").replaceChildren(picture(found));
    for (const name of ["name", "brand", "description"]) byId(name).textContent = found[name] ?? "";
    byId("price").textContent = money(found.price, found.currency);
    byId("add").hidden = false;
    onSubmit(byId("add"), () => {
      const many = basket.add(found, byId("quantity").valueAsNumber);
      const words = many ? `${number(many)} in your basket. ` : `Your basket is full: it holds ${MAX_LINES} products. `;
      byId("added").replaceChildren(words, el("a", { href: "basket" }, "To the basket"));
    });
  });
}

// ── Buying, once ────────────────────────────────────────────────────────────────────────────────────────────────────

const attemptName = (user) => `attempt.${user}`;

/** A key for one intent to buy. randomUUID() is missing where the page is not served over HTTPS. */
const newKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/**
 * See one attempt to buy through to its end, however often it takes.
 *
 * The attempt, its key and its very body, is kept before it is first sent and until a final answer is there. Whatever
 * happens in between (no answer, a reload, a second click), the same request goes out under the same key, and the
 * server does it once: 201 paid, 202 nobody knows yet (ask again), 402 declined. Only a final answer, or a refusal,
 * which did nothing, ends the attempt; the next one has a new key.
 *
 * Gives `{paid}`, `{refused}`, `{unknown}`, or nothing where the attempt was dropped; `onPending` hears of each 202.
 */
async function purchase(attempt, onPending) {
  const name = attemptName(attempt.user);
  tab.set(name, attempt);
  for (let wait_s = 1, busy = 0; ; wait_s = Math.min(wait_s * 1.5, 20)) {
    let pause_s = wait_s;
    try {
      const { status, data } = await send("checkout/", { method: "POST", body: attempt.body, key: attempt.key });
      if (tab.get(name)?.key !== attempt.key) return {}; // its member did not wait
      if (status === 201) {
        tab.drop(name);
        return { paid: data };
      }
      attempt = { ...attempt, pending: data };
      tab.set(name, attempt);
      onPending(data);
    } catch (error) {
      if (isBusy(error) && ++busy <= 10) pause_s = error.retryAfter_s || wait_s;
      else if (isBusy(error) || leavesUnknown(error)) {
        if (!attempt.pending) return { unknown: error };
      } else {
        if (!(error instanceof Problem) || error.status === 401) throw error; // goes on after signing in again
        tab.drop(name);
        return { refused: error };
      }
    }
    await sleep(pause_s);
  }
}

/** The same request is under way, or others change the account: it is for sending again. */
const isBusy = (error) => ["in_flight", "try_again"].includes(error.code);

/** The request may have been worked on, or not: no answer came, or one of something that stands in between. */
const leavesUnknown = (error) =>
  error instanceof Unreachable || error.status >= 500 || [408, 425, 429].includes(error.status);

// ── Basket and checkout ─────────────────────────────────────────────────────────────────────────────────────────────

async function checkout() {
  const slider = byId("slider");
  const exactly = byId("exactly");
  let quoted = null; // the quote that is shown, with the points that it is for
  let me = null;
  let quoting = null;

  const items = () => {
    const sold = basket.lines().filter((line) => !line.isGone);
    return sold.map(({ id, quantity }) => ({ product_id: id, quantity }));
  };

  function showLines() {
    const lines = basket.lines();
    byId("lines").replaceChildren(...lines.map(row));
    const isEmpty = !lines.length;
    byId("shopping").hidden = isEmpty || !byId("outcome").hidden;
    if (isEmpty && byId("outcome").hidden) showEmpty();
    else byId("state").replaceChildren();
    return !isEmpty;
  }

  function showEmpty() {
    const way = el("a", { href: "./" }, "See what there is");
    byId("state").replaceChildren(el("div", { class: "empty" }, el("p", {}, "Your basket is empty."), way));
  }

  function row(line) {
    const cost = el("span", { class: "price" });
    const showCost = () => {
      cost.textContent = line.isGone ? "Not sold any more" : money(line.price * line.quantity, line.currency);
    };
    const change = ({ target }) => {
      if (!isQuantity(target.valueAsNumber)) target.value = line.quantity; // back to the last that was one
      line.quantity = target.valueAsNumber;
      basket.change(line.id, { quantity: line.quantity });
      showCost(); // in place, so that who came by the keyboard stays where they are
      return quote();
    };
    const remove = () => {
      basket.remove(line.id);
      announce(`${line.name} removed.`);
      if (showLines()) byId("lines-heading").tabIndex = -1;
      (byId("shopping").hidden ? byId("main") : byId("lines-heading")).focus();
      return quote();
    };
    const limits = { type: "number", min: 1, max: MAX_QUANTITY, step: 1, value: line.quantity };
    const label = `Quantity of ${line.name}`;
    const quantity = el("input", { ...limits, "aria-label": label, change, disabled: line.isGone });
    const link = el("a", { href: `product?id=${line.id}` }, line.name);
    const drop = el("button", { type: "button", class: "quiet", click: remove }, "Remove");
    drop.setAttribute("aria-label", `Remove ${line.name}`);
    showCost();
    return el(
      "li",
      { class: line.isGone ? "line gone" : "line" },
      picture(line),
      el("div", { class: "what" }, link, el("span", { class: "over" }, line.brand)),
      quantity,
      cost,
      drop,
    );
  }

  /** What the lines look like and cost today. */
  async function refresh() {
    const lines = basket.lines();
    const found = await Promise.all(lines.map((line) => api(`products/${line.id}`).catch((error) => error)));
    found.forEach((now, index) => {
      const { id } = lines[index];
      if (now.status === 404) basket.change(id, { isGone: true });
      else if (now.id === id) basket.change(id, { ...asPutIn(now), isGone: false });
      // Any other failure leaves the line as it was: the quote will say what is amiss.
    });
    if (JSON.stringify(basket.lines()) !== JSON.stringify(lines)) showLines();
  }

  /** Ask what it would come to with so many points, and show it. */
  async function quote() {
    quoting?.abort();
    if (!me || !items().length) return showIfNothing();
    quoting = new AbortController();
    const { signal } = quoting;
    byId("pay").disabled = true;
    const body = { items: items(), points_to_use: slider.valueAsNumber };
    await trying(byId("quote-state"), async () => {
      try {
        showQuote(await api("checkout/quote", { method: "POST", body, signal }));
      } catch (error) {
        if (!(error instanceof Problem && error.code?.includes("points"))) throw error; // an AbortError has a code, too: 20
        if (await isPastUsable(error, signal)) return;
        complain(byId("refusal"), inWords(error)); // the slider stands where it may not: say where it may
      }
    });
  }

  function showIfNothing() {
    byId("checkout").hidden = true;
    if (me) byId("quote-state").replaceChildren(el("p", {}, "Nothing in the basket can be bought."));
  }

  /** Order, rules or account may have shrunk below what the slider says: then it goes down to what is left. */
  async function isPastUsable(error, signal) {
    if (error.code === "points_below_minimum") return false;
    const free = await api("checkout/quote", { method: "POST", body: { items: items(), points_to_use: 0 }, signal });
    if (slider.valueAsNumber <= free.points_usable) return false;
    showQuote(free);
    setPoints(free.points_usable);
    await quote();
    return true;
  }

  function showQuote(answer) {
    quoted = answer;
    const { total, currency, points_available: available, points_usable: usable } = answer;
    const { points_to_use: used, cash_due: due } = answer;
    device.set("currency", currency);
    byId("checkout").hidden = false;
    byId("refusal").replaceChildren();
    slider.max = exactly.max = usable;
    byId("split").hidden = !usable;
    byId("usable").textContent = usable
      ? `You have ${points(available)}; this order may take ${number(usable)}.`
      : `You have ${points(available)}; none can be used on this order.`;
    byId("total").textContent = money(total, currency);
    byId("less").textContent = `${used ? "−" : ""}${money(total - due, currency)} (${points(used)})`;
    byId("due").textContent = money(due, currency);
    byId("earn").textContent = points(answer.points_to_earn);
    slider.setAttribute("aria-valuetext", `${points(used)}, ${money(due, currency)} by card`);
    byId("methods").hidden = !due;
    const parts = [due || !used ? money(due, currency) : null, used ? points(used) : null];
    byId("pay").textContent = `Pay ${parts.filter(Boolean).join(" and ")}`;
    byId("pay").disabled = false;
    if (document.activeElement === exactly) announce(`${money(due, currency)} by card.`);
  }

  function setPoints(count) {
    const fitting = Math.max(0, Math.min(Math.round(count) || 0, Number(slider.max)));
    slider.value = fitting;
    slider.style.setProperty("--part", `${(100 * fitting) / (Number(slider.max) || 1)}%`);
    if (document.activeElement !== exactly) exactly.value = fitting;
    slider.setAttribute("aria-valuetext", points(fitting));
    byId("pay").disabled = true; // until the quote for it is there
  }

  // ── Paying

  function showOutcome(title, ...content) {
    byId("outcome-heading").textContent = title;
    byId("outcome-body").replaceChildren(...content);
    byId("outcome").hidden = false;
    byId("shopping").hidden = true;
    byId("state").replaceChildren();
    byId("outcome-heading").focus();
  }

  /** See an attempt through, and show what came of it. */
  async function pay(attempt) {
    if (attempt.pending) showPending(attempt, attempt.pending);
    else showOutcome("One moment", el("p", { class: "waiting" }, "Your order is on its way…"));
    const came = await trying(byId("state"), () => purchase(attempt, (data) => showPending(attempt, data)));
    if (!came) return; // it is said why; the attempt is kept
    if (came.paid) showReceipt(attempt, came.paid);
    if (came.refused) await showRefusal(came.refused);
    if (came.unknown) showUnknown(attempt);
    await showMember(true);
  }

  let isPendingShown = false;
  function showPending(attempt, data) {
    if (isPendingShown) return;
    isPendingShown = true;
    const leave = () => {
      tab.drop(attemptName(attempt.user));
      basket.takeOut(attempt.body.items);
      location.assign(new URL(`orders?order=${data.order_id}`, SHOP));
    };
    const held = `Meanwhile ${points(data.points_used)} stay with this order. Should the bank say no, they come back.`;
    showOutcome(
      "Checking with the bank",
      el("p", { class: "waiting" }, "The bank has not answered yet. We go on asking; you need not pay again."),
      data.points_used ? el("p", {}, held) : "",
      quietButton("Do not wait: show it under my orders", leave),
    );
  }

  function showUnknown(attempt) {
    isPendingShown = false;
    const again = el("button", { type: "button", click: () => pay(attempt) }, "Try again");
    const words = "We do not know whether it went through. Try again: it will not be charged twice.";
    showOutcome("No answer", el("p", { class: "notice bad", role: "alert" }, words), again);
  }

  async function showRefusal(problem) {
    isPendingShown = false;
    byId("outcome").hidden = true;
    showLines();
    await refresh();
    await quote();
    complain(byId("refusal"), inWords(problem));
    byId("refusal").focus();
  }

  function showReceipt(attempt, order) {
    basket.takeOut(attempt.body.items);
    const { currency } = order;
    showOutcome(
      "Thank you. It is paid.",
      el(
        "dl",
        { class: "bill" },
        facts(
          ["Order", el("a", { href: `orders?order=${order.order_id}` }, order.order_id)],
          ["Total", money(order.total, currency)],
          ["Paid by card", money(order.cash_due, currency)],
          ["Points used", number(order.points_used)],
          ["Points earned", number(order.points_earned)],
          ["Points available now", number(order.available)],
        ),
      ),
      el("p", {}, el("a", { href: "./" }, "Go on shopping")),
    );
  }

  onSubmit(byId("checkout"), () => {
    if (byId("pay").disabled || !byId("outcome").hidden) return;
    byId("pay").disabled = true;
    const method = new FormData(byId("checkout")).get("method");
    const body = {
      items: items(),
      points_to_use: quoted.points_to_use,
      expected_total: quoted.total,
      ...(quoted.cash_due ? { payment_method: method } : {}),
    };
    pay({ key: newKey(), user: me.user, body });
  });
  const quoteSoon = settled(120, quote);
  slider.addEventListener("input", () => (setPoints(slider.valueAsNumber), quoteSoon()));
  exactly.addEventListener("input", () => (setPoints(exactly.valueAsNumber), quoteSoon()));
  exactly.addEventListener("change", () => (exactly.value = slider.value));
  byId("all").addEventListener("click", () => {
    setPoints(Number(slider.max));
    exactly.value = slider.value;
    quoteSoon();
  });
  addEventListener("storage", ({ key }) => {
    if (key === "miles.basket" && byId("outcome").hidden && showLines()) quoteSoon();
  });

  if (!tab.get("token")) {
    if (showLines()) await refresh();
    const way = el("a", { class: "button", href: "sign-in?why=needed&back=basket" }, "Sign in to pay");
    const why = el("p", {}, "Signed in, you pay with points, cash or both, and earn points.");
    byId("pay-state").replaceChildren(why, el("p", {}, way));
    return;
  }
  showLines();
  await trying(byId("pay-state"), async () => {
    me = await member();
    const attempt = tab.get(attemptName(me.user));
    if (attempt?.pending) return pay(attempt); // it was sent and heard: to ask again buys nothing
    if (attempt) return showUnknown(attempt);
    await refresh();
    return quote();
  });
}

// ── Points ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const HAPPENED = {
  earn: "Earned",
  use: "Used",
  expire: "Expired",
  manual: "Adjusted",
  restore: "Given back",
  revoke: "Taken back",
};

async function pointsPage() {
  if (!tab.get("token")) return goSignIn("needed");
  await trying(byId("state"), async () => {
    const [me, expiring] = await Promise.all([member(), api("user/points/expiring")]);
    byId("available").textContent = points(me.available);
    const { next_expiry: next } = me;
    if (next) byId("next").replaceChildren(`Next to expire: ${points(next.points)}, `, time(next.expires_at));
    else byId("next").textContent = "Nothing is about to expire.";
    byId("rest").replaceChildren(
      ...facts(
        ["Pending: earned, not yet to be used", number(me.pending)],
        ["Held by orders that are being checked", number(me.held)],
        ["Owed: taken back when it was already used", number(me.debt)],
      ),
    );
    const lots = expiring.items.map((lot) => el("li", {}, el("b", {}, points(lot.points)), time(lot.expires_at)));
    const none = el("p", { class: "empty" }, "You have no points that could expire.");
    byId("expiring").replaceChildren(lots.length ? el("ul", { class: "rows" }, lots) : none);
    byId("purse").hidden = byId("details").hidden = false;
    const nothing = () => el("p", { class: "empty" }, "Nothing yet. Buy something, and you earn points.");
    await paged(byId("feed"), "user/transactions", movement, nothing);
  });
}

function movement(item) {
  const order = item.order_id && el("a", { href: `orders?order=${item.order_id}` }, "See the order");
  const words = el("b", {}, HAPPENED[item.type] ?? item.type);
  const reason = item.reason && el("span", {}, item.reason);
  const left = el("small", {}, `${number(item.balance_after)} left`);
  return el(
    "li",
    {},
    el("span", { class: "what" }, words, reason, order, time(item.created_at)),
    el("span", { class: item.points < 0 ? "amount less" : "amount" }, el("b", {}, signed(item.points)), left),
  );
}

// ── Orders ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const STATUS = {
  pending: "Being checked",
  paid: "Paid",
  failed: "Not paid",
  partially_refunded: "Partly refunded",
  refunded: "Refunded",
};

async function orders() {
  if (!tab.get("token")) return goSignIn("needed");
  const wanted = new URLSearchParams(location.search).get("order");
  const way = () => el("a", { href: "./" }, "See what there is");
  const nothing = () => el("div", { class: "empty" }, el("p", {}, "You have not ordered anything yet."), way());
  if (!wanted) return paged(byId("orders"), "user/orders", (order) => orderRow(order, false), nothing);
  const state = el("div");
  byId("orders").replaceChildren(state);
  return trying(state, async () => {
    const one = await api(`orders/${encodeURIComponent(wanted)}`);
    const all = el("p", {}, el("a", { href: "orders" }, "All orders"));
    byId("orders").append(el("ul", { class: "rows" }, orderRow(one, true)), all);
  });
}

function orderRow(order, open) {
  const { currency } = order;
  const lines = order.items.map((item) => {
    const link = el("a", { href: `product?id=${item.product_id}` }, item.name);
    const cost = el("span", { class: "price" }, money(item.unit_price * item.quantity, currency));
    return el("li", {}, el("span", {}, `${number(item.quantity)} × `, link), cost);
  });
  const some = (term, value) => (value ? [[term, number(value)]] : []);
  const numbers = facts(
    ["Total", money(order.total, currency)],
    ["By card", money(order.cash_due, currency)],
    ["Points used", number(order.points_used)],
    ["Points earned", number(order.points_earned)],
    ...some("Points given back", order.points_restored),
    ...some("Points taken back", order.points_revoked),
    ...(order.cash_refunded ? [["Refunded", money(order.cash_refunded, currency)]] : []),
    ["Order", order.order_id],
  );
  const summary = el(
    "summary",
    {},
    el("span", { class: "what" }, el("b", {}, order.items.map((item) => item.name).join(", ")), time(order.created_at)),
    el("span", { class: `status ${order.status}` }, STATUS[order.status] ?? order.status),
    el("b", { class: "price" }, money(order.total, currency)),
  );
  const inside = el("div", {}, el("ul", { class: "rows" }, lines), el("dl", { class: "bill" }, numbers));
  return el("li", { class: "order" }, el("details", { open }, summary, inside));
}

// ── Begin ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const PAGES = { browse, product, basket: checkout, points: pointsPage, orders, "sign-in": signIn };

addEventListener("storage", showCount);
// A page that comes back out of the browser's memory may be another member's, or from before a purchase.
addEventListener("pageshow", ({ persisted }) => {
  if (persisted && (tab.get("token") !== tokenAtFirst || document.body.dataset.page === "basket")) location.reload();
  else if (persisted) showCount();
});

showCount();
showMember();
PAGES[document.body.dataset.page]();
