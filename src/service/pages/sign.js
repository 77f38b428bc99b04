// One page for the three acts of a link. Nothing is written into it but as text.
"use strict";

import { challengeOf, fromBase64, hex, makeKey, sha256, signWith, utf8 } from "/sign/passkey.js";
import { SAYS, describe } from "/sign/words.js";

const at = (id) => document.getElementById(id);
const PATHS = { enrol: "/v1/passkeys", grant: "/v1/signatures", reconfirm: "/v1/confirmations" };
const page = { language: "zh-CN", token: location.hash.slice(1), opened: null, bytes: null, told: null, pending: null, done: null };

class Answered extends Error {
  constructor(problem) {
    super(problem.code);
    this.problem = problem;
  }
}

async function post(path, body) {
  let answer;
  try {
    answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  } catch {
    throw new Error("network");
  }
  const value = await answer.json();
  if (!answer.ok) throw new Answered(value);
  return value;
}

function draw() {
  const says = SAYS[page.language];
  document.documentElement.lang = page.language;
  at("zh").setAttribute("aria-pressed", page.language === "zh-CN");
  at("en").setAttribute("aria-pressed", page.language === "en");
  const act = page.opened === null ? "grant" : page.opened.act;
  document.title = at("title").textContent = says.titles[act];
  at("told").textContent = page.told === null ? "" : page.told.say(says);
  at("told").className = page.told === null ? "" : page.told.kind;
  at("lead").textContent = page.opened === null || page.done !== null ? "" : says.leads[act];
  if (page.opened === null) return;
  at("read-row").hidden = act === "enrol";
  at("read-label").textContent = says.read[act] || "";
  at("go").textContent = page.pending === null ? says.go[act] : says.again;
  at("no").textContent = says.no;
  if (page.bytes !== null) drawDocument(says);
  if (page.done !== null && act === "grant") drawReceipt(says);
}

function drawDocument(says) {
  const { notice } = page.opened;
  at("notice-title").textContent = says.notice;
  at("notice-about").textContent = says.noticeAbout(notice);
  at("notice-text").textContent = notice.text;
  at("notice-text").lang = notice.language;
  at("document-title").textContent = says.document;
  at("document-about").textContent = says.documentAbout;
  at("words").replaceChildren(
    ...describe(page.document, page.language).map(({ label, text, no }) => {
      const row = document.createElement("div");
      const [term, told] = [document.createElement("dt"), document.createElement("dd")];
      term.textContent = label;
      told.textContent = text;
      told.className = no ? "no" : "";
      row.append(term, told);
      return row;
    }),
  );
  at("bytes-title").textContent = says.bytes;
  at("digest").textContent = `SHA-256 ${page.digest}`;
  at("bytes").textContent = new TextDecoder().decode(page.bytes);
  at("notice").hidden = at("document").hidden = false;
}

function drawReceipt(says) {
  at("receipt-title").textContent = says.receipt;
  at("receipt-about").textContent = says.receiptAbout;
  at("code-label").textContent = says.code;
  at("code").textContent = page.done.receipt.recovery_code;
  at("verify").textContent = says.verify;
  at("files").replaceChildren(
    ...Object.entries(page.done.files).map(([name, url]) => {
      const [item, link] = [document.createElement("li"), document.createElement("a")];
      link.href = url;
      link.download = `${name}.json`;
      link.id = `file-${name}`;
      link.textContent = `${name}.json: ${says.files[name]}`;
      item.append(link);
      return item;
    }),
  );
  at("receipt").hidden = false;
}

function tell(kind, say) {
  page.told = { kind, say };
  draw();
}

function fail(error) {
  const problem = error instanceof Answered ? error.problem : null;
  const code = String(error.message).split(" ")[0];
  tell("bad", (says) => {
    if (problem !== null) return page.language === "en" ? `${problem.title}\n${problem.hint}` : `${problem.title_zh}\n${problem.hint_zh}`;
    return says.errors[error.name] || says.errors[code] || `${says.errors.other}${error.message}`;
  });
}

async function open() {
  if (!/^[A-Za-z0-9_-]{43}$/.test(page.token)) throw new Error("token");
  const opened = await post("/v1/links", { token: page.token });
  if (opened.act !== "enrol") {
    const bytes = fromBase64(opened.document);
    const said = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    page.language = said.notice.language === "en" ? "en" : "zh-CN";
    for (const language of Object.keys(SAYS)) describe(said, language);
    if (opened.notice === null || hex(await sha256(utf8(opened.notice.text))) !== said.notice.sha256) throw new Error("NOTICE");
    page.challenge = await challengeOf(opened, bytes);
    page.digest = hex(await sha256(bytes));
    page.document = said;
    page.bytes = bytes;
  }
  page.opened = opened;
  at("act").hidden = false;
  at("go").disabled = opened.act !== "enrol";
  draw();
  if (opened.act !== "enrol" && !opened.options.allowCredentials?.length) {
    at("act").hidden = true;
    throw new Error("keys");
  }
}

async function go() {
  const { act, options } = page.opened;
  at("go").disabled = true;
  try {
    if (page.pending === null) {
      tell("", (says) => says.waiting);
      const made =
        act === "enrol"
          ? await makeKey((await post("/v1/passkeys/options", { token: page.token })).options)
          : await signWith(options, page.challenge);
      page.pending = { token: page.token, ...made };
    }
    tell("", (says) => says.sending);
    const answer = await post(PATHS[act], page.pending);
    page.done = act === "grant" ? received(answer) : {};
    page.pending = null;
    at("act").hidden = true;
    tell("good", (says) => says.done[act]);
    at("told").scrollIntoView({ block: "start" });
  } catch (error) {
    // Only where nobody knows what became of it is the same answer sent again; else she is asked anew.
    if (error.message !== "network") page.pending = null;
    at("go").disabled = false;
    fail(error);
  }
}

function received({ evidence, ...receipt }) {
  const file = (content) => URL.createObjectURL(new Blob([content], { type: "application/json" }));
  const files = { document: file(page.bytes), evidence: file(fromBase64(evidence)), receipt: file(JSON.stringify(receipt)) };
  return { receipt, files };
}

for (const [id, language] of [["zh", "zh-CN"], ["en", "en"]]) {
  at(id).addEventListener("click", () => {
    page.language = language;
    draw();
  });
}
at("read").addEventListener("change", () => {
  at("go").disabled = !at("read").checked;
});
at("go").addEventListener("click", go);
page.language = navigator.language.startsWith("zh") ? "zh-CN" : "en";
draw();
open().catch(fail);
