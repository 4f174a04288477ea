// Inside a host page: tells it what happens here, asks it before what it may stop, and says how high the page is.
(() => {
  "use strict";
  const about = document.querySelector("meta[name=cauce-host]");
  if (!about || window.parent === window) return;
  const origin = about.content;
  const post = (event, detail, more) => parent.postMessage({ source: "cauce", event, detail, ...more }, origin);
  const waiting = new Map();
  addEventListener("message", (message) => {
    if (message.origin !== origin || message.source !== parent || (message.data || {}).source !== "cauce-host") return;
    const answer = waiting.get(message.data.id);
    if (answer) { waiting.delete(message.data.id); answer(!message.data.veto); }
  });
  const ask = (event, detail) => new Promise((resolve) => {
    const id = crypto.randomUUID();
    waiting.set(id, resolve);
    setTimeout(() => { if (waiting.delete(id)) resolve(true); }, 3000);
    post(event, detail, { id });
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-tells]");
    if (link) post(link.dataset.tells, { ...link.dataset });
  });
  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("form[data-asks]");
    if (!form || form.dataset.asked) return;
    event.preventDefault();
    if (await ask(form.dataset.asks, { ...form.dataset })) {
      form.dataset.asked = "yes";
      form.requestSubmit(event.submitter);
    }
  });
  const high = () => post("height", {}, { value: document.documentElement.scrollHeight });
  new ResizeObserver(high).observe(document.body);
  post("post_load", { page: location.pathname.split("/").slice(3).join("/") });
  for (const one of JSON.parse(about.dataset.told || "[]")) { const { event, ...detail } = one; post(event, detail); }
})();
