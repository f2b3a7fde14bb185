// What the pages can do beyond links and forms. Each part does nothing where its
// elements are missing, and the pages work without this file.

const body = document.body;
const find = (selector, root = document) => root.querySelector(selector);
const findAll = (selector, root = document) => [...root.querySelectorAll(selector)];
const calm = matchMedia("(prefers-reduced-motion: reduce)");

function say(text) {
  const place = find("#said");
  if (place) place.textContent = text;
}

function showScripted(root) {
  for (const element of findAll("[data-needs-script]", root)) element.hidden = false;
}

// Copying commands

async function copyText(text) {
  if (navigator.clipboard && isSecureContext) return navigator.clipboard.writeText(text);
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "hush";
  body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  if (!done) throw new Error("not copied");
}

function startCopying() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button.copy[data-copy]");
    if (!button) return;
    const label = button.firstChild;
    let word = "Copied";
    try {
      await copyText(button.dataset.copy);
    } catch {
      word = "Not copied";
    }
    button.focus();
    label.data = word;
    say(word);
    setTimeout(() => (label.data = "Copy"), 2000);
  });
}

// Filters that need no button

function startAutoSubmit() {
  for (const form of findAll("form[data-auto-submit]")) {
    form.addEventListener("change", (event) => {
      if (event.target.matches("select")) form.requestSubmit();
    });
  }
}

// Selecting in the queue

function startSelecting() {
  const form = find("#approve-several");
  if (!form) return;
  const all = find("#select-all", form);
  const button = find("#approve-selected", form);
  const boxes = () => findAll("input[name=review]", form);
  const update = () => {
    const count = boxes().filter((box) => box.checked).length;
    button.disabled = count === 0;
    button.textContent = count ? `Approve selected (${count})` : "Approve selected";
    all.checked = count > 0 && count === boxes().length;
    all.indeterminate = count > 0 && !all.checked;
  };
  form.addEventListener("change", (event) => {
    if (event.target === all) for (const box of boxes()) box.checked = all.checked;
    update();
  });
  document.addEventListener("regions-replaced", update);
  addEventListener("pageshow", update);
  update();
}

// Lightbox

function startLightbox() {
  const dialog = find("#lightbox");
  const gallery = find("#gallery");
  if (!dialog || !gallery || !dialog.showModal) return;
  const image = find(".lightbox-image", dialog);
  const previous = find(".lightbox-previous", dialog);
  const next = find(".lightbox-next", dialog);
  const links = () => findAll("a.open-picture", gallery);
  const chapterOf = (link) => link.closest("figure.picture").dataset.chapter;
  let opened = "";
  let shown = "";
  let touch = null;

  const place = () => links().findIndex((link) => chapterOf(link) === shown);

  const show = (index) => {
    const all = links();
    const link = all[index];
    if (!link) return;
    const thumb = find("img", link);
    const name = find(".picture-name", link.closest("figure")).textContent;
    shown = chapterOf(link);
    dialog.dataset.chapter = shown;
    dialog.setAttribute("aria-label", name);
    image.alt = thumb.alt;
    image.src = thumb.currentSrc || thumb.src;
    const full = new Image();
    full.src = link.href;
    full.decode().catch(() => {}).then(() => {
      if (full.naturalWidth && shown === chapterOf(link)) image.src = full.src;
    });
    find(".lightbox-title", dialog).textContent = name;
    find(".lightbox-counter", dialog).textContent = `${index + 1} of ${all.length}`;
    find(".lightbox-full", dialog).href = link.href;
    const download = find(".lightbox-download", dialog);
    download.href = link.href;
    download.download = link.dataset.file;
    previous.setAttribute("aria-disabled", index === 0);
    next.setAttribute("aria-disabled", index === all.length - 1);
    say(`${name}, ${index + 1} of ${all.length}`);
    if (all[index + 1]) new Image().src = all[index + 1].href;
  };

  const step = (by) => show(place() + by);

  gallery.addEventListener("click", (event) => {
    const link = event.target.closest("a.open-picture");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    opened = chapterOf(link);
    document.documentElement.classList.add("locked");
    dialog.showModal();
    show(links().indexOf(link));
    find(".lightbox-close", dialog).focus();
  });
  dialog.addEventListener("close", () => {
    document.documentElement.classList.remove("locked");
    image.removeAttribute("src");
    const link = links().find((one) => chapterOf(one) === opened);
    if (link) link.focus();
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = { ArrowLeft: () => step(-1), ArrowRight: () => step(1), Home: () => show(0), End: () => show(links().length - 1) };
    if (!moves[event.key]) return;
    event.preventDefault();
    moves[event.key]();
  });
  previous.addEventListener("click", () => step(-1));
  next.addEventListener("click", () => step(1));
  find(".lightbox-close", dialog).addEventListener("click", () => dialog.close());
  const stage = find(".lightbox-stage", dialog);
  stage.addEventListener("click", (event) => {
    if (event.target === stage) dialog.close();
  });
  dialog.addEventListener("touchstart", (event) => {
    touch = event.touches.length === 1 ? event.touches[0] : null;
  }, { passive: true });
  dialog.addEventListener("touchend", (event) => {
    if (!touch) return;
    const end = event.changedTouches[0];
    const across = end.clientX - touch.clientX;
    if (Math.abs(across) > 48 && Math.abs(across) > 2 * Math.abs(end.clientY - touch.clientY)) step(across < 0 ? 1 : -1);
    touch = null;
  }, { passive: true });
}

// Live updates: the server says that something has changed, the page fetches
// itself and replaces the regions that differ.

const keyOf = (element) => element.dataset.liveKey;
const regionsOf = (root) => new Map(findAll("[data-live-key]", root).map((one) => [keyOf(one), one]));
const served = new Map([...regionsOf(document)].map(([key, one]) => [key, one.outerHTML]));

async function loadPictures(root) {
  const known = new Set(findAll("img").map((one) => one.getAttribute("src")));
  const fresh = findAll("img", root).filter((one) => !known.has(one.getAttribute("src")));
  const loaded = Promise.all(fresh.map((one) => {
    const picture = new Image();
    picture.src = one.getAttribute("src");
    return picture.decode().catch(() => {});
  }));
  await Promise.race([loaded, new Promise((resolve) => setTimeout(resolve, 5000))]);
}

function isBusy(region) {
  const active = document.activeElement;
  if (region.contains(active) && active.matches("textarea, select, input:not([type=checkbox])")) return true;
  return findAll("textarea, input:not([type=checkbox], [type=hidden])", region).some((one) => one.value !== one.defaultValue);
}

function keepState(old, fresh) {
  const opened = findAll("details", old).map((one) => one.open);
  findAll("details", fresh).forEach((one, index) => (one.open = opened[index] ?? one.open));
  if (old.matches("details")) fresh.open = old.open;
  const checked = new Set(findAll("input[type=checkbox]:checked", old).map((one) => one.value));
  for (const box of findAll("input[type=checkbox]", fresh)) box.checked = checked.has(box.value);
  const images = new Map(findAll("img", old).map((one) => [one.getAttribute("src"), one]));
  for (const image of findAll("img", fresh)) {
    const same = images.get(image.getAttribute("src"));
    if (same && same.alt === image.alt) image.replaceWith(same);
    else image.loading = "eager";
  }
  showScripted(fresh);
}

const focusable = "a[href], button, summary, input, select, textarea, [tabindex]";

function replaceRegion(old, fresh) {
  const inside = old.contains(document.activeElement) ? findAll(focusable, old).indexOf(document.activeElement) : -1;
  keepState(old, fresh);
  old.replaceWith(fresh);
  if (inside >= 0) findAll(focusable, fresh)[inside]?.focus({ preventScroll: true });
}

function arrangeList(list, freshList) {
  const current = new Map([...list.children].map((one) => [keyOf(one), one]));
  const wanted = [...freshList.children];
  const keys = new Set(wanted.map(keyOf));
  for (const [key, one] of current) {
    if (!keys.has(key) && !isBusy(one)) {
      one.remove();
      served.delete(key);
    }
  }
  wanted.forEach((fresh, index) => {
    const key = keyOf(fresh);
    let one = current.get(key);
    if (!one) {
      one = document.importNode(fresh, true);
      served.set(key, fresh.outerHTML);
      showScripted(one);
    }
    if (list.children[index] !== one) list.insertBefore(one, list.children[index] ?? null);
  });
}

function sameSeen(other) {
  const seen = (root) => find("#approve-form [name=seen]", root)?.value;
  const mine = seen(document);
  const notice = find("#outdated");
  if (notice && mine) notice.hidden = seen(other) === mine;
}

async function refresh() {
  const answer = await fetch(location.href.split("#")[0], { headers: { Accept: "text/html" }, cache: "no-store" });
  if (!answer.ok || answer.redirected) return "later";
  const other = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (other.body.dataset.page !== body.dataset.page) return "later";
  const fresh = regionsOf(other);
  const changed = [...fresh].filter(([key, one]) => served.get(key) !== one.outerHTML);
  const holder = document.createElement("div");
  holder.append(...changed.map(([, one]) => other.importNode(one, true)));
  await loadPictures(holder);
  if (find("dialog[open]")) return "busy";
  let left = false;
  for (const list of findAll("[data-live-list]")) {
    const freshList = find(`[data-live-list="${list.dataset.liveList}"]`, other);
    if (freshList) arrangeList(list, freshList);
  }
  const current = regionsOf(document);
  for (const [key, one] of changed) {
    const old = current.get(key);
    if (!old || served.get(key) === one.outerHTML) continue;
    if (isBusy(old)) {
      left = true;
      continue;
    }
    served.set(key, one.outerHTML);
    replaceRegion(old, document.importNode(one, true));
  }
  const structure = (root) => [...regionsOf(root).keys()].sort().join(" ");
  sameSeen(other);
  if (!left) body.dataset.version = other.body.dataset.version;
  document.dispatchEvent(new Event("regions-replaced"));
  if (!left && structure(document) !== structure(other) && mayReload()) location.reload();
  return left ? "busy" : "";
}

// A page whose regions come or go (the first episode, the first picture) is loaded anew,
// but not while the visitor types, chooses or has a dialog open.
function mayReload() {
  const typed = findAll("textarea, input[type=search], input[type=text]").some((one) => one.value !== one.defaultValue);
  return !typed && !find("dialog[open]") && !find("input[type=checkbox]:checked") && body.dataset.page !== "review";
}

// Retries with a wait that doubles after each failure: 2 seconds, then 4, at most a minute.
function makeRetry(action) {
  let timer = 0;
  let delay = 2000;
  const stop = () => clearTimeout(timer);
  return {
    stop,
    later() {
      stop();
      timer = setTimeout(action, delay);
      delay = Math.min(2 * delay, 60000);
    },
    soon() {
      stop();
      timer = setTimeout(action, 5000);
    },
    worked() {
      stop();
      delay = 2000;
    },
  };
}

function startLive() {
  if (!body.dataset.live || !window.EventSource) return;
  let source = null;
  let working = false;
  let wanted = body.dataset.version;

  const work = async () => {
    if (working || document.hidden || wanted === body.dataset.version || find("dialog[open]")) return;
    working = true;
    refreshing.stop();
    const aim = wanted;
    let again = "";
    try {
      again = await refresh();
    } catch {
      again = "later";
    }
    working = false;
    if (again === "later") {
      refreshing.later();
      return;
    }
    refreshing.worked();
    if (wanted !== aim) work();
    else if (again === "busy") refreshing.soon();
  };
  const refreshing = makeRetry(work);

  // A hidden page closes its event stream, since a browser has few connections to one server.
  // The first message after opening tells whether anything has changed meanwhile.
  const open = () => {
    if (source || document.hidden) return;
    source = new EventSource(body.dataset.base + body.dataset.live);
    source.onmessage = (event) => {
      opening.worked();
      wanted = event.data;
      work();
    };
    source.onerror = () => {
      if (source?.readyState !== EventSource.CLOSED) return;
      source = null;
      opening.later();
    };
  };
  const opening = makeRetry(open);
  const close = () => {
    opening.stop();
    refreshing.stop();
    source?.close();
    source = null;
  };
  for (const dialog of findAll("dialog")) dialog.addEventListener("close", work);
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && open());
  open();
}

// Reviews: walking through the changes

function startWalking() {
  const place = find("#changes");
  const counter = find("#change-counter");
  if (!counter) return null;
  const marks = place ? findAll(".change[id]:not(.dimmed)", place) : [];
  let index = -1;
  if (!marks.length) find(find(".decide") ? ".walk" : "#review-bar").hidden = true;
  counter.textContent = `${marks.length} change${marks.length === 1 ? "" : "s"}`;

  const go = (to) => {
    if (!marks.length) return;
    index = Math.max(0, Math.min(marks.length - 1, to));
    const mark = marks[index];
    for (const one of findAll(".current", place)) one.classList.remove("current");
    const number = mark.id.replace("change-", "");
    for (const one of findAll(`[data-change="${number}"]`, place)) one.classList.add("current");
    mark.classList.add("current");
    mark.tabIndex = -1;
    mark.focus({ preventScroll: true });
    mark.scrollIntoView({ block: "center", behavior: calm.matches ? "auto" : "smooth" });
    const category = mark.dataset.category ?? "";
    counter.textContent = `${index + 1} of ${marks.length}${category && `, ${category.replaceAll("_", " ")}`}`;
  };
  find("#next-change").addEventListener("click", () => go(index + 1));
  find("#previous-change").addEventListener("click", () => go(index - 1));
  return { next: () => go(index + 1), previous: () => go(index - 1) };
}

// Reviews: the forms beside the text

function dock(name) {
  for (const form of findAll(".docked")) undock(form);
  const form = find(`#${name}-form`);
  form.classList.add("docked");
  find("[data-undock]", form).hidden = false;
  find("textarea", form).focus({ preventScroll: true });
}

function undock(form) {
  form.classList.remove("docked");
  find("[data-undock]", form).hidden = true;
}

function startDocking() {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-dock]");
    const closer = event.target.closest("[data-undock]");
    if (opener) {
      event.preventDefault();
      dock(opener.dataset.dock);
    }
    if (closer) {
      const form = closer.closest("form");
      undock(form);
      find(`[data-dock="${form.id.replace("-form", "")}"]`)?.focus();
    }
  });
  document.addEventListener("keydown", (event) => {
    const form = find(".docked");
    if (event.key === "Escape" && form) find("[data-undock]", form).click();
  });
}

// Reviews: notes stay in this browser until a page says that the decision was taken,
// since a form that was sent may be refused or never arrive.

const storedUnder = (name) => `btcedu ${name} ${body.dataset.base} `;

function forgetDecided() {
  const id = find("[data-notes-of]")?.dataset.notesOf;
  if (!id) return;
  const sent = storedUnder("sent") + id;
  if (sessionStorage.getItem(sent) && find("#notice.done")) {
    for (const form of ["changes", "reject"]) localStorage.removeItem(`${storedUnder("notes")}${id}:${form}`);
  }
  sessionStorage.removeItem(sent);
  for (const form of findAll("#approve-form, #changes-form, #reject-form")) {
    form.addEventListener("submit", () => sessionStorage.setItem(sent, form.id));
  }
}

function keepNotes(form) {
  const key = storedUnder("notes") + form.dataset.notes;
  const notes = find("[name=notes]", form);
  const about = find("[name=about]", form);
  const kept = JSON.parse(localStorage.getItem(key) ?? "null");
  if (kept && !notes.value) [notes.value, about.value] = [kept.notes, kept.about];
  const keep = () => {
    if (notes.value) localStorage.setItem(key, JSON.stringify({ notes: notes.value, about: about.value }));
    else localStorage.removeItem(key);
  };
  form.addEventListener("input", keep);
  form.addEventListener("change", keep);
}

function startKeepingNotes() {
  try {
    forgetDecided();
    for (const form of findAll("form[data-notes]")) keepNotes(form);
  } catch {
    // Without storage no notes are kept, and deciding works all the same.
  }
}

// Reviews: a page that is opened marks its review as in review, by a POST

async function startOpening() {
  const form = find("#open-form");
  if (!form) return;
  form.hidden = true;
  const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), redirect: "manual" }).catch(() => null);
  if (!answer || !(answer.ok || answer.type === "opaqueredirect")) {
    form.hidden = false;
    return;
  }
  const badge = find("#review-status .badge");
  if (badge) {
    badge.lastChild.data = "in review";
    badge.className = "badge info";
  }
}

// Reviews: keys

function startKeys(walk) {
  if (!walk) return;
  const confirm = find("#confirm-approve");
  const help = find("details.keys");
  confirm?.addEventListener("close", () => {
    if (confirm.returnValue === "approve") find("#approve-form").requestSubmit();
  });
  const keys = {
    j: walk.next,
    n: walk.next,
    k: walk.previous,
    p: walk.previous,
    a: () => {
      if (!confirm) return;
      confirm.returnValue = "";
      confirm.showModal();
    },
    c: () => find("#changes-form") && dock("changes"),
    "?": () => (help.open = !help.open),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || find("dialog[open]")) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    if (!Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    keys[event.key]();
  });
}

showScripted(document);
startCopying();
startAutoSubmit();
startSelecting();
startLightbox();
startDocking();
startKeepingNotes();
startOpening();
startKeys(startWalking());
startLive();
