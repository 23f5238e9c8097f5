// Brings the parts marked with data-refresh="<seconds>" up to date while the page can be seen.
const parts = [...document.querySelectorAll("[data-refresh]")];
const seconds = Math.min(...parts.map((part) => Number(part.dataset.refresh)));

async function refresh() {
  if (document.hidden || document.querySelector("dialog[open]")) return;
  const answer = await fetch(window.location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-refresh]")) {
    const next = fresh.getElementById(part.id);
    if (!next || next.innerHTML === part.dataset.shown) continue;
    // Someone is reading with the keyboard there: the next round will do.
    if (part.contains(document.activeElement)) continue;
    part.dataset.shown = next.innerHTML;
    keepOpenDetails(part, next);
    part.replaceChildren(...next.childNodes);
  }
}

function keepOpenDetails(shown, next) {
  const open = [...shown.querySelectorAll("details")].map((details) => details.open);
  next.querySelectorAll("details").forEach((details, index) => {
    if (index < open.length) details.open = open[index];
  });
}

if (parts.length) {
  window.setInterval(() => refresh().catch(() => {}), seconds * 1000);
}
