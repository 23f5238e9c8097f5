// Resume, decommission and restore from the page of an event, each after a question.
const texts = JSON.parse(document.getElementById("texts").textContent);
const bar = document.getElementById("event-actions");
const banner = document.getElementById("action-result");
const address = `../api/events/${encodeURIComponent(bar.dataset.request)}`;

function show(kind, text, link) {
  banner.className = `banner ${kind}`;
  banner.textContent = text;
  if (link) {
    const anchor = document.createElement("a");
    anchor.href = link;
    anchor.dataset.airflow = "";
    anchor.textContent = texts.open_run;
    banner.append(" ", anchor);
  }
  banner.hidden = false;
  banner.scrollIntoView({ block: "nearest" });
}

async function run(action, reason) {
  const answer = await fetch(`${address}/${action}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(action === "resume" ? {} : { reason }),
  });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const faults = (body.detail?.faults ?? []).map((fault) => `${fault.path}: ${fault.message}`);
    show("bad", [body.detail?.message ?? texts.failed, ...faults].join(" · "));
    return;
  }
  show("good", texts[action], body.run_url);
  // The status may stay the same for a while, and the button must not come back with it.
  delete bar.dataset.refresh;
  bar.querySelectorAll("button[data-action]").forEach((button) => button.remove());
}

bar.addEventListener("click", (event) => {
  const action = event.target.closest("button[data-action]")?.dataset.action;
  if (action) document.getElementById(`dialog-${action}`).showModal();
});

for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("close", () => {
    if (dialog.returnValue !== "go") return;
    const reason = dialog.querySelector("textarea")?.value.trim() ?? "";
    run(dialog.id.replace("dialog-", ""), reason).catch(() => show("bad", texts.failed));
    dialog.returnValue = "";
  });
}
