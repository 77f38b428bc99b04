"""The text that lies on top of a bundle, in both languages."""

from audit.verdicts import LIMITS

README = rf"""CONSENTRY EVIDENCE BUNDLE                                                       中文见下

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

Three other tools, none of them ours. The commands are for GNU coreutils, in the unpacked bundle; what is in
capitals stands for what you have.
1. unzip, sha256sum and a JSON reader: each of the files against "files" in bundle.json, and no file besides.

    unzip -p ../bundle.zip bundle.json
    unzip -p ../bundle.zip NAME | sha256sum

2. Any C2SP tlog-proof verifier (c2sp.org/tlog-proof; Go: golang.org/x/mod/sumdb/tlog and note):
   proofs/*.tlog-proof with the entries of entries.jsonl (base64 of the exact bytes) and the log's vkey.
3. openssl or any Ed25519 library. bundle.sig: over "consentry/export/v1", a zero byte and bundle.json, by the
   export KEY of your trust file (base64).

    (printf '\060\052\060\005\006\003\053\145\160\003\041\000'; echo KEY | base64 -d) > ../key.der
    (printf 'consentry/export/v1\000'; cat bundle.json) > ../message
    cut -d ' ' -f 2 bundle.sig | tr a-f A-F | basenc -d --base16 > ../signature
    openssl pkeyutl -verify -pubin -keyform DER -inkey ../key.der -rawin -in ../message -sigfile ../signature

   consent/<id>/evidence.json of "method" ed25519: over "consentry/authorization/v1", a zero byte and the
   SHA-256 of document.json. HEX_KEY and HEX_SIGNATURE are its "key" and "signature"; whose key it is says the
   entry KeyEnrolled.

    (printf '\060\052\060\005\006\003\053\145\160\003\041\000'
     echo HEX_KEY | tr a-f A-F | basenc -d --base16) > ../key.der
    (printf 'consentry/authorization/v1\000'
     openssl dgst -sha256 -binary consent/ID/document.json) > ../message
    echo HEX_SIGNATURE | tr a-f A-F | basenc -d --base16 > ../signature
    openssl pkeyutl -verify -pubin -keyform DER -inkey ../key.der -rawin -in ../message -sigfile ../signature

   Of "method" passkey: over "authenticator_data" followed by the SHA-256 of "client_data", by the COSE key in
   "key" (W3C Web Authentication, 7.2). The challenge in that client data is the SHA-256 of the message above.

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

另可用三种独立工具（命令见上）：一、unzip、sha256sum 与 JSON 阅读器核对文件摘要；二、任一 C2SP tlog-proof
验证器核对 proofs/ 与 entries.jsonl；三、openssl 或任一 Ed25519 库核对 bundle.sig，以及 method 为 ed25519 的
consent/<id>/evidence.json：签名对象为 "consentry/authorization/v1"、一个零字节与 document.json 的 SHA-256。
method 为 passkey 时，签名对象为 authenticator_data 后接 client_data 的 SHA-256，公钥为 key 中的 COSE 密钥
（W3C Web Authentication 第 7.2 节）；client_data 中的 challenge 即上述签名对象的 SHA-256。
视频内的 C2PA 内容凭证可用 c2patool 读取。时间戳（RFC 3161）可用上述 openssl ts -verify 命令及您自行信任的
机构根证书核验；stamped/<entry>.tlog-proof 证明该条目在所盖检查点之内，即不晚于所示时间存在。

{LIMITS}"""
