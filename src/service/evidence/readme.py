"""The text that lies on top of a bundle, in both languages."""

from audit.offline import LIMITS

README = f"""CONSENTRY EVIDENCE BUNDLE                                                       中文见下

What is claimed stands in bundle.json: what it is about, the digest of every file, the state of every part
(open, sealed, erased, lost in a recovery), and the eight items of the case (Beijing Internet Court, Liao v. a
technology company, 2024).
It opens what people signed and what was decided about them: it is for auditors. Do not pass it on.

Verify it with a verify.py and keys that you did not take from here:

    python -m venv v && v/bin/pip install cryptography
    v/bin/python verify.py bundle.zip trust.txt [video.mp4]

verify.py needs the folder audit beside it; both are those of the release of Consentry that bundle.json
names. trust.txt is your own file: the operator's public keys, from the operator, by a way you trust.
trust/keys.txt shows its form, and proves nothing.

Three other tools, none of them ours:
1. unzip, sha256sum and a JSON reader: the files against bundle.json.
2. Any C2SP tlog-proof verifier (c2sp.org/tlog-proof; Go: golang.org/x/mod/sumdb/tlog and note):
   proofs/*.tlog-proof with the entries of entries.jsonl (base64 of the exact bytes) and the log's vkey.
3. openssl or any Ed25519 library: bundle.sig over "consentry/export/v1", a zero byte and bundle.json;
   consent/*/evidence.json over "consentry/authorization/v1", a zero byte and the SHA-256 of document.json.
c2patool reads the C2PA manifest in the video itself. openssl verifies a time stamp, by a root of its
authority that you trust and did not take from trust/tsa (SIZE is that of the tree, as in the file's name):

    openssl ts -verify -data log/checkpoint.SIZE -in log/checkpoint.SIZE.tsr -CAfile tsa-root.pem

stamped/<entry>.tlog-proof shows that an entry is under that checkpoint: it was there at that time, or before.

bundle.json, bundle.sig      what is claimed, signed by the export key
log/checkpoint               the signed tree head that everything is proved under
entries.jsonl, proofs/       entries of the log, and where they stand in it
open/<entry>.<part>.json     payload and salt: HMAC-SHA256(salt, payload) is the entry's commitment
before/<run>.tlog-proof      that a permit was under the checkpoint which the run names
log/checkpoint.<size>        another tree head, as its log signed it; .tsr: RFC 3161 time stamps over it
stamped/<entry>.tlog-proof   the first stamped tree head over an entry
trust/tsa/                   certificates of the authorities; like trust/keys.txt they prove nothing
consent/                     what was signed, as it came; record.jsonld: ISO/IEC TS 27560 with terms of DPV
decision/, policy/           what was asked, and the exact rules it was answered by
output/                      C2PA manifest stores of outputs that are here still
history.json                 what was withdrawn or complained of, and when

Consentry 证据包

bundle.json 载明主张：对象、各文件摘要、各部分状态（open 公开、sealed 保密、erased 已删除、lost in a recovery
恢复时丢失）以及案件八项材料（北京互联网法院廖某案，2024）。证据包公开当事人签署内容及相关决定，仅供审计，请勿转交。

请使用并非取自本包的 verify.py 与公钥进行验证：

    python -m venv v && v/bin/pip install cryptography
    v/bin/python verify.py bundle.zip trust.txt [video.mp4]

verify.py 须与 audit 目录同放；两者均为 bundle.json 所载 Consentry 版本的发布文件。trust.txt 由您自备：
经可信途径取得的运营方公钥。trust/keys.txt 仅示格式，不构成证明。

另可用三种独立工具：一、unzip、sha256sum 与 JSON 阅读器核对文件摘要；二、任一 C2SP tlog-proof 验证器
核对 proofs/ 与 entries.jsonl；三、openssl 或任一 Ed25519 库核对 bundle.sig 与 consent/*/evidence.json。
视频内的 C2PA 内容凭证可用 c2patool 读取。时间戳（RFC 3161）可用上述 openssl ts -verify 命令及您自行信任的
机构根证书核验；stamped/<entry>.tlog-proof 证明该条目在所盖检查点之内，即不晚于所示时间存在。

{LIMITS}"""
