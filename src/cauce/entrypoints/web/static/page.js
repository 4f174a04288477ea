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
