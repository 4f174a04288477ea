// Small comforts; every page works without them.
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    const search = document.querySelector("[data-search]");
    if (search) { event.preventDefault(); search.focus(); search.select(); }
  }
});
document.addEventListener("change", (event) => {
  const field = event.target.closest("[data-submits]");
  if (field) field.form.requestSubmit();
});
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-panel]");
  if (!opener || event.ctrlKey || event.metaKey || event.shiftKey || innerWidth < 600) return;
  event.preventDefault();
  const open = document.querySelector("iframe.chat-panel");
  if (open) { open.remove(); opener.setAttribute("aria-expanded", "false"); return; }
  const panel = document.createElement("iframe");
  panel.className = "chat-panel";
  panel.title = opener.textContent;
  panel.src = `${opener.getAttribute("href")}?panel=yes`;
  document.body.append(panel);
  opener.setAttribute("aria-expanded", "true");
});
// A page with a stream fetches when it is told to; while it has none (or the stream is cut) it looks every few seconds.
document.querySelectorAll("[data-stream]").forEach((log) => {
  if (!window.EventSource || !window.htmx) return;
  const stream = new EventSource(log.dataset.stream);
  stream.addEventListener("open", () => { log.dataset.live = "yes"; htmx.trigger(log, "said"); });
  stream.addEventListener("said", () => htmx.trigger(log, "said"));
  stream.addEventListener("error", () => { delete log.dataset.live; });
});
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.dataset.live && !event.detail.requestConfig.triggeringEvent) event.preventDefault();
});
// A form that unfolds leftwards out of the page unfolds to the right instead.
document.addEventListener("toggle", (event) => {
  const form = event.target.matches?.("details.ask[open]") && event.target.querySelector(".ask-form");
  if (!form) return;
  form.classList.remove("to-right");
  const page = form.closest("main");
  if (page && form.getBoundingClientRect().left < page.getBoundingClientRect().left) form.classList.add("to-right");
}, true);
