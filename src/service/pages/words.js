// The document in words, in both languages. A field or word that is not known here is an error: she must not
// sign what this page can't say. What the document leaves out is a no, and is said to be one.
"use strict";

const W = {
  none: ["无", "none"],
  purpose: {
    MATCHING: ["人脸比对：仅在指明的作品或请求方范围内核对是否为本人", "Matching: your face compared within the named work or for the named requester"],
    REMOTE_STORE_TRANSMIT: ["远程存储与传输人脸特征", "Storing and sending a biometric reference of your face"],
    MAKE_TEMPLATE: ["将视频制作为换脸模板", "Making a video with you into a template"],
    PUBLISH_TEMPLATE: ["在所列平台向用户展示该模板", "Showing that template to users on the named platforms"],
    USER_SWAP: ["用户制作换脸视频", "Users making face-swap videos"],
    PREVIEW: ["生成短预览", "A short preview"],
    ADVERTISING: ["用于广告", "Advertising"],
    TRAINING: ["用于训练模型", "Training a model"],
  },
  role: {
    PERFORMER: ["出演者（视频中的人）", "performer (the person in the video)"],
    DONOR: ["提供人脸者（换上去的脸）", "donor (the face that is put in)"],
    BACKGROUND: ["背景人物", "somebody in the background"],
  },
  modality: { FACE: ["人脸", "face"], BODY: ["身体", "body"], VOICE: ["声音", "voice"], NAME: ["姓名", "name"] },
  audience: {
    GENERAL: ["一般公众", "general public"],
    ADULT_VERIFIED: ["经核验的成年人", "verified adults"],
    MINORS_OK: ["包括未成年人", "minors too"],
  },
  money: {
    NONE: ["不收费、无收益", "no money is made"],
    FREE_WITH_ADS: ["免费，带广告", "free, with advertisements"],
    PAID: ["用户付费", "users pay"],
    REV_SHARE: ["收益分成", "revenue is shared"],
  },
  donor: {
    SELF_ONLY: ["仅本人的脸", "only the user's own face"],
    CONSENTED_THIRD_PARTY: ["经其本人同意的他人的脸", "faces of others who consented themselves"],
  },
  never: {
    INTIMATE: ["私密或色情内容", "intimate content"],
    VIOLENCE: ["暴力", "violence"],
    POLITICAL: ["政治", "politics"],
    RELIGIOUS: ["宗教", "religion"],
    MEDICAL_CLAIM: ["医疗宣称", "medical claims"],
    FINANCIAL_PROMOTION: ["金融推广", "financial promotion"],
    DEFAMATORY: ["丑化或诽谤", "defamation"],
    MINORS: ["涉及未成年人", "minors"],
    CRIMINAL: ["犯罪", "crime"],
    NEWS_LIKE: ["仿新闻", "what looks like news"],
    BODY_SHAPE: ["改变体型", "another body shape"],
    VOICE: ["改变或合成声音", "another voice"],
    NEW_SPEECH: ["让其说出未说过的话", "words never said"],
    AGE_GENDER_ETHNICITY: ["改变年龄、性别或族裔", "another age, gender or ethnicity"],
  },
  ends: {
    STOP_NEW: ["立即停止新的使用", "new use stops at once"],
    TAKEDOWN_TEMPLATE: ["下架模板", "templates are taken down"],
    RECALL_OUTPUTS: ["停止提供已生成的视频", "videos already made are served no more"],
    DELETE_REFERENCE: ["删除人脸特征", "the biometric reference is deleted"],
  },
  kept: {
    SOURCE: ["原始视频", "source video"],
    REFERENCE: ["人脸特征", "biometric reference"],
    TEMPLATE: ["模板", "template"],
    OUTPUT: ["生成的视频", "videos made"],
    EVIDENCE: ["本授权与证据", "this consent and its evidence"],
  },
  ground: {
    ASSESSMENT: ["安全评估", "security assessment"],
    CERTIFICATION: ["认证", "certification"],
    STANDARD_CONTRACT: ["标准合同", "standard contract"],
  },
  age: {
    adult: ["成年人", "adult"],
    "14-17": ["14 至 17 岁", "14 to 17"],
    "under-14": ["未满 14 岁", "under 14"],
    unknown: ["未知", "unknown"],
  },
  basis: {
    PER_USE: ["每生成一件", "for each video made"],
    FLAT: ["一次性", "once"],
    SHARE: ["运营方相关收入的分成", "a share of what the operator takes in with it"],
  },
  scheme: {
    USCC: ["统一社会信用代码", "unified social credit code"],
    LEI: ["法人机构识别编码（LEI）", "legal entity identifier (LEI)"],
    OTHER: ["其他登记号", "another register's number"],
  },
  origin: {
    EMPLOYMENT: ["在受雇工作中制作", "in a job you were hired for"],
    INDEPENDENT: ["与任何受雇工作无关", "apart from any job"],
  },
  death: {
    ENDS: ["本授权终止", "this consent ends"],
    HEIRS_CONFIRM: ["经近亲属确认后继续", "it goes on if your heirs confirm it"],
    TERM_GOES_ON: ["在期限内继续", "it goes on until its term ends"],
  },
  adviser: { COUNSEL: ["律师", "counsel"], UNION: ["工会", "a union"] },
  attached: { "esign-pdf": ["另行签署的 PDF", "a PDF signed elsewhere"] },
};

// Places of a currency's smallest unit, where they are not two. Not the browser's own: its tables differ.
const PLACES = {
  0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
  3: "BHD IQD JOD KWD LYD OMR TND",
};

const KNOWN = {
  document: "v id tenant person nonce issued_at supersedes notice record scope capacity portrait_licence attachments",
  notice: "id version language sha256",
  scope:
    "role description term jurisdiction bundled revocation_effect purposes modality work_ids source_sha256 template_ids " +
    "requesters platforms recipients engines sub_processors territories storage_regions exports audience monetisation " +
    "compensation donor_rules prohibited_modifications max_uses sublicense retention particulars",
  term: "start end zone notice_days",
  capacity: "age_band guardian heir",
  actor: "person evidence",
  export: "recipient territory mechanism",
  record:
    "dct:conformsTo schema_version record_id pii_principal_id privacy_notice language purposes pii_information " +
    "pii_controllers storage_locations retention_period recipient_third_parties withdrawal_method jurisdiction",
  particulars:
    "payment entities processors processing_regions replica_origin alteration_limits post_mortem represented_by",
  payment: "basis currency due_days purpose amount basis_points",
  entity: "scheme number name contact",
  processor: "contract versions",
  representation: "adviser name",
  attachment: "kind sha256 size",
  party: "party_id party_name party_address party_contact party_type",
};

function point(digits, places) {
  const all = String(digits).padStart(places + 1, "0");
  return places ? `${all.slice(0, -places)}.${all.slice(-places)}` : all;
}

function money(currency, smallest) {
  const places = Object.keys(PLACES).find((one) => PLACES[one].split(" ").includes(currency));
  return `${currency} ${point(smallest, Number(places ?? 2))}`;
}

function expect(value, kind) {
  const names = KNOWN[kind].split(" ");
  const unknown = Object.keys(value).find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`UNKNOWN ${kind}.${unknown}`);
  return value;
}

/** Label, text and whether it is a no, for everything the document says. Throws at what is not known here. */
export function describe(doc, language) {
  const at = language === "en" ? 1 : 0;
  const word = (kind, name) => {
    const found = Object.hasOwn(W[kind], name) ? W[kind][name] : undefined;
    if (found === undefined) throw new Error(`UNKNOWN ${kind} ${name}`);
    return found[at];
  };
  const words = (kind, names) => (names || []).map((name) => `• ${word(kind, name)}`).join("\n");
  const labels = (names) => (names || []).join(at ? ", " : "、");
  const regions = new Intl.DisplayNames([language], { type: "region" });
  const place = (code) => (code.length === 2 ? `${regions.of(code)} (${code})` : code);
  const places = (codes) => labels((codes || []).map(place));
  const by = (kind, value, tell) => Object.entries(value || {}).map(([name, one]) => `• ${word(kind, name)}: ${tell(one)}`).join("\n");
  const when = (instant, zone) =>
    new Intl.DateTimeFormat(language, { dateStyle: "long", timeStyle: "long", timeZone: zone }).format(new Date(instant));

  if (expect(doc, "document").v !== 1) throw new Error("UNKNOWN document.v");
  const scope = expect(doc.scope, "scope");
  const term = expect(scope.term, "term");
  const capacity = expect(doc.capacity, "capacity");
  const record = expect(doc.record, "record");
  const party = expect(record.pii_controllers[0], "party");
  expect(doc.notice, "notice");
  if (record.pii_controllers.length !== 1 || scope.bundled !== false) throw new Error("UNKNOWN record");
  const actor = capacity.guardian || capacity.heir;
  if (actor) expect(actor, "actor");
  const days = (n) => (at ? `${n} days` : `${n} 天`);
  const times = (n) => (n === "UNLIMITED" ? ["不限次数", "without limit"][at] : at ? `${n} times` : `${n} 次`);

  const rows = [
    ["同意对象", "You agree with", `${party.party_name}\n${party.party_address}\n${party.party_contact}\n${party.party_id}`],
    ["您的角色", "You appear as", word("role", scope.role)],
    ["用途说明", "What for, in words", scope.description],
    ["生效", "From", when(term.start, term.zone)],
    ["终止", "Until", when(term.end, term.zone)],
    ["肖像许可的解约通知期", "Notice to end the portrait licence", term.notice_days ? days(term.notice_days) : ["无需提前通知", "none is needed"][at]],
    ["逐项同意的目的", "Purposes, each by itself", words("purpose", scope.purposes)],
    ["使用您的", "Of you is used", words("modality", scope.modality)],
    ["作品", "Works", labels(scope.work_ids)],
    ["原始视频（SHA-256）", "Source videos (SHA-256)", labels(scope.source_sha256)],
    ["模板", "Templates", labels(scope.template_ids)],
    ["请求方", "Asked by", labels(scope.requesters)],
    ["平台", "Platforms", labels(scope.platforms)],
    ["接收方", "Recipients", labels(scope.recipients)],
    ["换脸引擎", "Engines", labels(scope.engines)],
    ["受托处理者", "Sub-processors", labels(scope.sub_processors)],
    ["使用地域", "Territories", places(scope.territories)],
    ["存储地", "Stored in", places(scope.storage_regions)],
    [
      "向境外提供",
      "Handed abroad",
      (scope.exports || []).map((one) => `• ${expect(one, "export").recipient}, ${place(one.territory)}, ${word("ground", one.mechanism)}`).join("\n"),
    ],
    ["受众", "Audience", words("audience", scope.audience)],
    ["收益方式", "Money", words("money", scope.monetisation)],
    ["您的报酬", "Your pay", scope.compensation],
    ["可换上谁的脸", "Whose face may be put on yours", scope.donor_rules ? word("donor", scope.donor_rules) : ["任何人都不可以", "nobody's"][at]],
    ["禁止的内容", "Never", words("never", scope.prohibited_modifications)],
    ["使用次数", "How often", by("purpose", scope.max_uses, times)],
    ["转授权", "Sublicensed to", labels(scope.sublicense)],
    ["保存期限", "Kept", by("kept", scope.retention, days)],
    ["撤回后", "When you withdraw", words("ends", scope.revocation_effect)],
    ["如何撤回", "How to withdraw", record.withdrawal_method],
    ["适用法域", "Jurisdiction", place(scope.jurisdiction)],
    ["年龄段", "Age band", word("age", capacity.age_band)],
  ];
  const said = expect(scope.particulars || {}, "particulars");
  const lines = (items, tell) => items.map((one) => `• ${tell(one)}`).join("\n");
  const comma = ["，", ", "][at];
  const due = (one) => {
    const from = one.basis === "FLAT" ? ["生效后", "after the consent begins"] : ["计费期结束后", "after the period it is counted in"];
    return at ? `due ${one.due_days} days ${from[1]}` : `${from[0]} ${one.due_days} 天内支付`;
  };
  const pay = (one) => {
    const { basis, currency, basis_points: share, amount } = expect(one, "payment");
    const much = basis === "SHARE" ? `${point(share, 2)} % (${currency})` : money(currency, amount);
    return [word("basis", basis), ...(one.purpose ? [word("purpose", one.purpose)] : []), much, due(one)].join(comma);
  };
  const entity = ([label, one]) => {
    const { scheme, number, name, contact } = expect(one, "entity");
    return `${label}: ${[name, `${word("scheme", scheme)} ${number}`, contact].join(comma)}`;
  };
  const processor = ([label, one]) =>
    `${label}: ${labels(expect(one, "processor").versions) || ["任何版本均不允许", "no version"][at]}\n${one.contract}`;
  const file = (one) => `${word("attached", expect(one, "attachment").kind)}${comma}${one.size} B\n${one.sha256}`;
  const given = (zh, en, text) => text && rows.push([zh, en, text]);
  given("报酬规则", "How you are paid", lines(said.payment || [], pay));
  given("各方身份", "Who they are", lines(Object.entries(said.entities || {}), entity));
  given("引擎的版本与处理合同（SHA-256）", "Versions of engines and their contracts (SHA-256)", lines(Object.entries(said.processors || {}), processor));
  given("处理地", "Processed in", places(said.processing_regions));
  given("数字复制品的来由", "How the replica came to be made", said.replica_origin && word("origin", said.replica_origin));
  given("修改限度", "What may be changed of you", said.alteration_limits);
  given("您去世后", "When you have died", said.post_mortem && word("death", said.post_mortem));
  const adviser = said.represented_by && expect(said.represented_by, "representation");
  given("为您提供意见者", "Who advised you", adviser && `${word("adviser", adviser.adviser)}: ${adviser.name}`);
  given("所附文件（SHA-256）", "Files that belong to it (SHA-256)", lines(doc.attachments || [], file));
  if (actor) rows.push([["监护人代签", "继承人代签"][capacity.heir ? 1 : 0], capacity.heir ? "Signed by an heir" : "Signed by a guardian", `${actor.person}\n${actor.evidence}`]);
  if (doc.portrait_licence) rows.push(["肖像许可（SHA-256）", "Portrait licence (SHA-256)", doc.portrait_licence]);
  if (doc.supersedes) rows.push(["取代的旧授权", "Takes the place of", doc.supersedes]);
  rows.push(["授权编号", "Number of this consent", doc.id], ["起草时间", "Drawn up", when(doc.issued_at, term.zone)]);
  return rows.map(([zh, en, text]) => ({ label: at ? en : zh, text: text || W.none[at], no: !text }));
}

/** What the page itself says. */
export const SAYS = {
  "zh-CN": {
    titles: { enrol: "创建您的通行密钥", grant: "阅读并签署授权书", reconfirm: "再次确认授权" },
    leads: {
      enrol: "通行密钥（passkey）由您的设备生成并保管，代表您本人签署。请只在您自己的设备上创建。",
      grant: "请完整阅读告知书和授权书。签署完全自愿；不签署不会有任何不利后果，关闭本页即可。",
      reconfirm: "因系统恢复，下列授权已暂停。只有您再次签署后才会恢复；不签署则继续停用。",
    },
    notice: "告知书（原文）",
    noticeAbout: (n) => `编号 ${n.id}，版本 ${n.version}，语言 ${n.language}。以下文字逐字计入您的签名。`,
    document: "您将同意的内容",
    documentAbout: "以下由本页直接从待签署的文件生成。写明“无”的，即您未作任何同意。",
    bytes: "待签署的原始文件",
    read: { grant: "我已阅读并理解告知书和以上全部内容。", reconfirm: "我已阅读以上内容，并希望恢复该授权。" },
    go: { enrol: "创建通行密钥", grant: "使用通行密钥签署", reconfirm: "使用通行密钥确认" },
    no: "不想继续？直接关闭本页，不会产生任何效果。",
    done: { enrol: "通行密钥已创建并登记。现在可以关闭本页。", grant: "已签署。", reconfirm: "已再次确认。现在可以关闭本页。" },
    receipt: "您的回执",
    receiptAbout: "请立即保存以下三个文件和恢复码。",
    code: "恢复码：凭此可随时撤回授权，无需密钥或账号。仅显示一次，请勿告知他人。",
    files: { document: "授权书", evidence: "签名证据", receipt: "回执（含恢复码）" },
    verify: "任何人都可离线核验：consentry consent verify",
    waiting: "请按设备提示验证指纹、面容或 PIN……",
    sending: "正在提交……",
    again: "重新提交",
    errors: {
      token: "链接不完整。请完整打开收到的链接。",
      CHALLENGE: "服务器要求签署的内容与本页显示的不一致，已停止。请勿继续，并联系运营方。",
      NOTICE: "告知书与授权书中指明的不一致，已停止。请勿继续，并联系运营方。",
      UNKNOWN: "授权书中有本页无法说明的内容，因此不能签署。",
      keys: "您在此尚无可用的通行密钥。请向运营方索取创建链接。",
      NotAllowedError: "未完成验证。您可以重试。",
      InvalidStateError: "此设备上已有您的通行密钥。",
      network: "网络中断，结果未知。请勿关闭本页，恢复网络后点击“重新提交”。",
      other: "出现问题：",
    },
  },
  en: {
    titles: { enrol: "Make your passkey", grant: "Read and sign a consent", reconfirm: "Confirm a consent again" },
    leads: {
      enrol: "A passkey is made and kept by your device, and signs for you. Make it on a device that is yours alone.",
      grant: "Please read the notice and the consent in full. Signing is voluntary; if you do not, nothing happens to you. Just close this page.",
      reconfirm: "After a system was restored, the consent below is suspended. It comes back only when you sign again; without, it stays off.",
    },
    notice: "The notice, word for word",
    noticeAbout: (n) => `${n.id}, version ${n.version}, in ${n.language}. Your signature covers this text as it stands.`,
    document: "What you agree to",
    documentAbout: "Written by this page out of the very document you sign. Where it says none, you agree to nothing.",
    bytes: "The document itself, as it is signed",
    read: {
      grant: "I have read and understood the notice and everything above.",
      reconfirm: "I have read the above and want this consent to be in force again.",
    },
    go: { enrol: "Make a passkey", grant: "Sign with my passkey", reconfirm: "Confirm with my passkey" },
    no: "Would you rather not? Close this page, and nothing comes of it.",
    done: {
      enrol: "Your passkey is made and enrolled. You may close this page.",
      grant: "Signed.",
      reconfirm: "Confirmed again. You may close this page.",
    },
    receipt: "Your receipt",
    receiptAbout: "Save these three files and the recovery code now.",
    code: "Recovery code: it withdraws this consent at any time, without a key or an account. Shown once; tell nobody.",
    files: { document: "the consent", evidence: "the evidence of your signature", receipt: "the receipt, with the recovery code" },
    verify: "Anybody can check them offline: consentry consent verify",
    waiting: "Follow your device: fingerprint, face or PIN…",
    sending: "Sending…",
    again: "Send again",
    errors: {
      token: "The link is not whole. Open it as it was sent to you.",
      CHALLENGE: "The server asks for a signature over something else than what is shown here. Stopped: do not go on, and tell the operator.",
      NOTICE: "The notice is not the one the consent names. Stopped: do not go on, and tell the operator.",
      UNKNOWN: "The consent says something this page can't put into words, so it can't be signed here.",
      keys: "You have no passkey in use here. Ask the operator for a link to make one.",
      NotAllowedError: "That was not completed. You can try again.",
      InvalidStateError: "This device holds a passkey of yours already.",
      network: "The network broke off and the outcome is not known. Keep this page open and press “Send again”.",
      other: "Something is wrong: ",
    },
  },
};
