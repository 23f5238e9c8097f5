// Follows one request: asks the API every few seconds with the key that is kept for this tab only.
const texts = JSON.parse(document.getElementById("texts").textContent);
const root = document.getElementById("status");
const keyForm = document.getElementById("key-form");
const keyInput = document.getElementById("api-key");
const problem = document.getElementById("problem");
const live = document.getElementById("live");
const resume = document.getElementById("resume");
const KEY = "console.key";
const POLL_MILLISECONDS = 3000;
const address = `../api/events/${encodeURIComponent(root.dataset.request)}`;

let timer = null;

function headers(more = {}) {
  const key = window.sessionStorage.getItem(KEY);
  return key ? { ...more, "X-API-Key": key } : more;
}

function moment(text) {
  return new Intl.DateTimeFormat(document.documentElement.lang, {
    year: "numeric",
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    timeZone: texts.time_zone,
    timeZoneName: "short",
  }).format(new Date(text));
}

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function stage(tone, label, at, note) {
  const item = element("li", tone);
  item.append(element("span", "label", label));
  if (at) item.append(element("div", "when", moment(at)));
  if (note) item.append(element("div", "when", note));
  return item;
}

function showStages(event) {
  const tones = texts.progress[event.status].stages;
  document.getElementById("stages").replaceChildren(
    ...texts.stage_order.map((name) => {
      const tone = tones[name];
      const at = tone === "pending" ? null : event[texts.stage_times[name]];
      return stage(tone, texts.stages[name], at, stageNote(event, name, tone));
    }),
  );
}

function stageNote(event, name, tone) {
  if (name === "set_up" && tone === "busy") {
    const done = event.steps.filter((step) => step.state === "done").length;
    return texts.steps_done.replace("{done}", done).replace("{all}", texts.steps_total);
  }
  if (name === "approval" && tone === "wait" && event.approval_expires_at) {
    return texts.expires.replace("{at}", moment(event.approval_expires_at));
  }
  return null;
}

function showPairs(list, pairs) {
  list.replaceChildren();
  for (const [label, value, linkText] of pairs) {
    if (value === null || value === undefined || value === "") continue;
    const detail = element("dd");
    if (linkText && /^https?:/.test(value)) {
      const anchor = element("a", "", linkText);
      anchor.href = value;
      anchor.rel = "noreferrer";
      detail.append(anchor);
    } else {
      detail.textContent = value;
    }
    list.append(element("dt", "", label), detail);
  }
  return list.children.length > 0;
}

function show(event) {
  document.getElementById("heading").textContent = event.event.name;
  document.title = `${texts.status[event.status]} · ${event.event.name}`;
  const chip = document.getElementById("chip");
  chip.className = `chip ${texts.progress[event.status].tone}`;
  chip.textContent = texts.status[event.status];
  chip.hidden = false;
  document.getElementById("sentence").textContent = texts.sentence[event.status];
  showStages(event);
  document.getElementById("result").hidden = !showPairs(document.getElementById("links"), [
    [texts.guide, event.guide_url, texts.open_guide],
    [texts.api, event.api_url, event.api_url],
  ]);
  showPairs(document.getElementById("facts"), [
    [texts.venue, event.event.venue],
    [texts.starts, moment(event.event.starts_at)],
    [texts.ends, moment(event.event.ends_at)],
    [texts.attendees, String(event.event.expected_attendees)],
    [texts.gates, String(event.event.gates)],
    [texts.received, moment(event.received_at)],
  ]);
  const faults = event.error?.faults ?? [];
  say(faults.map((fault) => `${fault.path}: ${fault.message}`).join(" · "));
  resume.hidden = !event.can_resume;
  keyForm.hidden = true;
  live.hidden = false;
}

function say(text) {
  problem.textContent = text;
  problem.hidden = !text;
}

function askForKey(text) {
  window.sessionStorage.removeItem(KEY);
  live.hidden = true;
  keyForm.hidden = false;
  say(text);
  keyInput.focus();
}

async function poll() {
  window.clearTimeout(timer);
  try {
    const answer = await fetch(address, { headers: headers() });
    const body = await answer.json();
    if (answer.status === 401 || answer.status === 403) {
      askForKey(window.sessionStorage.getItem(KEY) ? texts.bad_key : "");
      return;
    }
    if (answer.status === 404) {
      askForKey(texts.not_found);
      return;
    }
    if (answer.ok) {
      show(body);
      if (!texts.progress[body.status].is_live) return;
    } else {
      say(body.detail?.message ?? texts.unreachable);
    }
  } catch {
    say(texts.unreachable);
  }
  timer = window.setTimeout(poll, POLL_MILLISECONDS);
}

keyForm.addEventListener("submit", (event) => {
  event.preventDefault();
  window.sessionStorage.setItem(KEY, keyInput.value.trim());
  poll();
});

resume.addEventListener("click", async () => {
  resume.disabled = true;
  try {
    const answer = await fetch(`${address}/resume`, { method: "POST", headers: headers() });
    const body = await answer.json();
    if (answer.ok) await poll();
    else {
      const faults = (body.detail?.faults ?? []).map((fault) => `${fault.path}: ${fault.message}`);
      say([body.detail?.message, ...faults].join(" · "));
    }
  } catch {
    say(texts.unreachable);
  } finally {
    resume.disabled = false;
  }
});

poll();
