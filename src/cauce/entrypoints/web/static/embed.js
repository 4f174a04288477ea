// The one script of a host page: shows Cauce's hosted pages in a frame (or leads the window there) and passes events on.
//
//   <div id="billing"></div>
//   <script src="https://billing.example.com/embed.js" data-org="org_..." data-target="#billing" data-page="pricing"></script>
//
// Events go to handlers of Cauce.on(name, handler) and as CustomEvent "cauce" to the target. A handler of a `pre_...`
// event that returns false (or a promise of it) stops what was about to happen.
(() => {
  "use strict";
  const own = document.currentScript;
  const base = new URL(own.src).origin;
  const handlers = {};
  const FIELDS = ["page", "plan", "price", "currency", "subscription", "email", "redirect", "force_card", "set_password",
    "overrides", "hide_summary", "hide_headers", "disable_plan_change"];

  const tell = async (target, name, detail) => {
    let goes = true;
    for (const handler of handlers[name] || []) {
      if ((await handler(detail)) === false) goes = false;
    }
    target.dispatchEvent(new CustomEvent("cauce", { bubbles: true, detail: { event: name, ...detail } }));
    return goes;
  };

  const mount = async (target, options) => {
    const box = typeof target === "string" ? document.querySelector(target) : target;
    if (!box || !options.org) throw new Error("Cauce: a target and an org are needed");
    if (!(await tell(box, "pre_load", {}))) return null;
    const isWindow = options.mode === "redirect";
    const name = isWindow ? "_top" : `cauce-${Math.random().toString(36).slice(2)}`;
    let frame = null;
    if (!isWindow) {
      frame = document.createElement("iframe");
      frame.name = name;
      frame.title = options.title || "Billing";
      frame.style.cssText = "border:0;width:100%;min-height:32rem";
      frame.allow = "payment";
      box.append(frame);
    }
    const form = document.createElement("form");
    form.method = "post";
    form.action = `${base}/portal/${encodeURIComponent(options.org)}/embed`;
    form.target = name;
    form.hidden = true;
    const add = (key, value) => {
      const field = document.createElement("input");
      field.type = "hidden";
      field.name = key;
      field.value = value;
      form.append(field);
    };
    for (const key of FIELDS) if (options[key]) add(key, options[key]);
    const token = typeof options.token === "function" ? await options.token() : options.token;
    if (token) add("token", token);
    document.body.append(form);
    if (frame) listen(box, frame, options);
    form.submit();
    form.remove();
    return frame;
  };

  const listen = (box, frame, options) => {
    addEventListener("message", async (message) => {
      if (message.origin !== base || message.source !== frame.contentWindow) return;
      const said = message.data;
      if (!said || said.source !== "cauce" || typeof said.event !== "string") return;
      if (said.event === "height") { frame.style.height = `${Math.ceil(said.value)}px`; return; }
      const goes = await tell(box, said.event, said.detail || {});
      if (said.id) frame.contentWindow.postMessage({ source: "cauce-host", id: said.id, veto: !goes }, base);
      if (said.event === "create_subscription" && options.redirect) location.assign(options.redirect);
    });
  };

  // A button that opens the chat: on the page of a customer's own instance (data-launcher), where no list of sites is needed.
  const launch = (org, text) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.setAttribute("aria-expanded", "false");
    button.style.cssText = "position:fixed;right:1rem;bottom:1rem;z-index:9;padding:.6rem 1rem;font:inherit";
    let frame = null;
    button.addEventListener("click", () => {
      if (!frame) {
        frame = document.createElement("iframe");
        frame.title = text;
        frame.style.cssText = "position:fixed;right:1rem;bottom:4.2rem;z-index:9;width:min(24rem,92vw);height:min(34rem,70vh);border:1px solid #888;background:#fff";
        frame.src = `${base}/portal/${encodeURIComponent(org)}/chat?panel=yes&from=${encodeURIComponent(location.origin)}`;
        frame.hidden = true;
        document.body.append(frame);
      }
      frame.hidden = !frame.hidden;
      button.setAttribute("aria-expanded", String(!frame.hidden));
    });
    document.body.append(button);
  };

  window.Cauce = {
    on: (name, handler) => { (handlers[name] = handlers[name] || []).push(handler); return window.Cauce; },
    mount,
  };
  const given = own.dataset;
  if (given.org && given.launcher) {
    const start = () => launch(given.org, given.launcher);
    if (document.readyState === "loading") addEventListener("DOMContentLoaded", start); else start();
  }
  if (given.org && given.target) {
    const options = {};
    for (const [key, value] of Object.entries(given)) options[key.replace(/[A-Z]/g, (one) => `_${one.toLowerCase()}`)] = value;
    const start = () => mount(given.target, options);
    if (document.readyState === "loading") addEventListener("DOMContentLoaded", start); else start();
  }
})();
