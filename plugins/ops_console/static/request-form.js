// The request form: sends what was entered as JSON and puts every fault of the answer next to its field.
const texts = JSON.parse(document.getElementById("texts").textContent);
const form = document.getElementById("request-form");
const summary = document.getElementById("summary");
const send = document.getElementById("send");
const key = document.getElementById("api-key");
const offset = document.getElementById("offset");
const DRAFT = "console.draft";
const KEY = "console.key";
const NUMBERS = new Set(["event.expected_attendees", "event.gates"]);
const TIMES = new Set(["event.starts_at", "event.ends_at"]);

let draft = readDraft();
let notDuplicateOf = null;

function readDraft() {
  try {
    const kept = JSON.parse(window.sessionStorage.getItem(DRAFT) ?? "null");
    if (kept?.id) return kept;
  } catch {
    // What is kept cannot be read: begin anew.
  }
  return { id: newRequestId(), values: {} };
}

// Kept with the draft: sending twice, or again after a lost answer, is then the same request.
function newRequestId() {
  const bytes = window.crypto.getRandomValues(new Uint8Array(10));
  return `form-${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

function fields() {
  return [...form.elements].filter((element) => element.name?.includes("."));
}

function restoreDraft() {
  key.value = window.sessionStorage.getItem(KEY) ?? "";
  for (const element of fields()) {
    const value = draft.values[element.name];
    if (value === undefined) continue;
    if (element.type === "radio") element.checked = element.value === value;
    else element.value = value;
  }
}

function keepDraft() {
  for (const element of fields()) {
    if (element.type !== "radio" || element.checked) draft.values[element.name] = element.value;
  }
  window.sessionStorage.setItem(DRAFT, JSON.stringify(draft));
}

function deviceOffset() {
  const minutes = -new Date().getTimezoneOffset();
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return `${minutes < 0 ? "-" : "+"}${String(hours).padStart(2, "0")}:${String(rest).padStart(2, "0")}`;
}

function offerDeviceTime() {
  const own = deviceOffset();
  if ([...offset.options].some((option) => option.value === own)) return;
  offset.add(new Option(offset.dataset.device.replace("{offset}", own), own));
}

// 010-1234-5678 is how a Korean number is written down; +821012345678 is how it is rung up from anywhere.
function internationalPhone(text) {
  const digits = text.replace(/[\s().-]/g, "");
  return /^0[1-9]\d{7,9}$/.test(digits) ? `+82${digits.slice(1)}` : digits;
}

function valueOf(element) {
  const text = element.value.trim();
  if (NUMBERS.has(element.name)) return text === "" ? undefined : Number(text);
  if (TIMES.has(element.name)) return text === "" ? undefined : `${text.length === 16 ? `${text}:00` : text}${offset.value}`;
  if (element.name === "customer.phone") return text === "" ? undefined : internationalPhone(text);
  return text === "" ? undefined : text;
}

function requestBody() {
  const body = { request_id: draft.id, customer: {}, event: {} };
  for (const element of fields()) {
    if (element.type === "radio" && !element.checked) continue;
    const [group, name] = element.name.split(".");
    const value = valueOf(element);
    if (value !== undefined) body[group][name] = value;
  }
  if (notDuplicateOf) body.not_duplicate_of = notDuplicateOf;
  return body;
}

function clearFaults() {
  summary.hidden = true;
  summary.replaceChildren();
  for (const text of form.querySelectorAll(".fault")) text.textContent = "";
  for (const element of form.querySelectorAll("[aria-invalid]")) element.removeAttribute("aria-invalid");
}

function inWords(message) {
  for (const [pattern, words] of texts.faults) {
    const match = new RegExp(`^${pattern}$`).exec(message);
    if (match) return words.replace(/\$(\d)/g, (_, n) => match[Number(n)]);
  }
  return message;
}

function labelOf(path) {
  return texts.labels[path] ?? path;
}

function showFaults(faults) {
  const list = document.createElement("ul");
  for (const fault of faults) {
    const text = inWords(fault.message);
    const place = document.getElementById(`fault-${fault.path}`);
    const control = document.getElementById(fault.path);
    if (place) place.textContent = text;
    control?.setAttribute("aria-invalid", "true");
    const item = document.createElement("li");
    const label = `${labelOf(fault.path)}: ${text}`;
    if (control) {
      const link = document.createElement("a");
      link.href = `#${fault.path}`;
      link.textContent = label;
      link.addEventListener("click", (event) => {
        event.preventDefault();
        (control.matches("input, textarea, select") ? control : control.querySelector("input")).focus();
      });
      item.append(link);
    } else {
      item.textContent = label;
    }
    list.append(item);
  }
  showSummary("bad", texts.has_faults.replace("{n}", faults.length), list);
}

function showSummary(kind, heading, ...content) {
  const title = document.createElement("h2");
  title.textContent = heading;
  summary.className = `banner ${kind}`;
  summary.replaceChildren(title, ...content);
  summary.hidden = false;
  summary.focus();
  summary.scrollIntoView({ block: "start" });
}

function showSimilar(firstId) {
  const text = document.createElement("p");
  text.textContent = texts.similar_text;
  const actions = document.createElement("div");
  actions.className = "actions";
  const look = document.createElement("a");
  look.className = "button slim";
  look.href = `request/${encodeURIComponent(firstId)}`;
  look.textContent = texts.similar_show;
  const goOn = document.createElement("button");
  goOn.className = "button slim";
  goOn.type = "button";
  goOn.textContent = texts.similar_send;
  goOn.addEventListener("click", () => {
    notDuplicateOf = firstId;
    form.requestSubmit();
  });
  actions.append(look, goOn);
  showSummary("wait", texts.similar, text, actions);
}

function explain(status, detail) {
  if (status === 401 || status === 429) {
    document.getElementById("fault-key").textContent = status === 401 ? texts.bad_key : texts.too_many;
    key.closest("details")?.setAttribute("open", "");
    key.setAttribute("aria-invalid", "true");
    key.focus();
  } else if (status === 422 && detail?.faults?.length) {
    showFaults(detail.faults);
  } else if (status === 409 && detail?.code === "similar_request") {
    showSimilar(detail.first_request_id);
  } else if (status === 409) {
    // The first sending arrived after all, and something was changed since: it is another request now.
    draft.id = newRequestId();
    keepDraft();
    showSummary("bad", texts.reused);
  } else {
    showSummary("bad", detail?.message ?? texts.failed);
  }
}

async function submit() {
  clearFaults();
  keepDraft();
  const headers = { "Content-Type": "application/json", "X-Request-Source": "form" };
  const apiKey = key.value.trim();
  if (apiKey) headers["X-API-Key"] = apiKey;
  const answer = await fetch("api/events", { method: "POST", headers, body: JSON.stringify(requestBody()) });
  const body = await answer.json().catch(() => ({}));
  if (answer.status !== 202) {
    explain(answer.status, body.detail);
    return;
  }
  if (apiKey) window.sessionStorage.setItem(KEY, apiKey);
  window.sessionStorage.removeItem(DRAFT);
  window.location.assign(`request/${encodeURIComponent(body.request_id)}`);
}

form.addEventListener("input", keepDraft);
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const label = send.textContent;
  send.disabled = true;
  send.textContent = send.dataset.busy;
  try {
    await submit();
  } catch {
    showSummary("bad", texts.unreachable);
  } finally {
    send.disabled = false;
    send.textContent = label;
  }
});

offerDeviceTime();
restoreDraft();
