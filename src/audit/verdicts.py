"""What the verifier of a bundle answers, in both languages, and what no bundle can prove.

Shipped in every bundle beside `verify.py` (`audit.standalone`). The limits are those of the design, 7.
"""

PROVEN, NOT_PROVEN, ERASED, LOST = "proven", "not proven", "erased", "lost in a recovery"
ZH = {
    PROVEN: "已证明",
    NOT_PROVEN: "未证明",
    ERASED: "已删除",
    LOST: "恢复时丢失",
    "files": "文件与导出方签名一致",
    "log": "日志签署了该树",
    "proofs": "各条目均在日志中",
    "openings": "公开内容与承诺一致",
    "decision": "规则与问题即所附者",
    "standing": "其授权当时有效，且链条完整",
    "run": "许可先于运行进入日志",
    "release": "发布的文件由该次运行生成",
    "consent": "本人签署，服务方会签",
    "video": "所给视频即已发布者",
    "output": "所述成品确已发布",
    "keys": "所用密钥当时未泄露、未停用",
    "about": "包内条目确与所述对象有关",
    "case": "案件八项材料由所附条目显示",
    "rest": "其余文件均有条目对应",
    "history": "撤回与投诉经过与条目一致",
    "witnesses": "足够的见证方见过该树",
    "stamp": "时间戳机构证明其不晚于所示时间存在",
}
LIMITS = """\
It cannot prove: that no engine ran outside the gate, unless the gate is the only path to media and keys;
that the signer is the person (only the recorded proof level) or read what she signed; that what the
operator states (source, territory, age, contracts) is true; that copies of an engine, of outputs or of
bundles are gone; that nothing was deleted before its first checkpoint or forked before the first
independent witness; that a face below the resolvable size was not there; that a match is right beyond the
measured error rates; that nobody with both database and keys read payloads; that erased residue is
anonymous in law, or that backups of versions that did not seal signed documents open nothing; that a
manifest survives a re-encode; anything that came later than its checkpoint, a withdrawal above all; that
whoever made a bundle left nothing out of it.
不能证明：门禁之外没有引擎运行（除非门禁是通往媒体与密钥的唯一途径）；签署者即本人（仅有所载核验级别）或已读其签署内容；
运营方所述（来源、地域、年龄、合同）属实；引擎、成品或证据包的副本已销毁；首个检查点之前无删除、首个独立见证之前无分叉；
小于可分辨尺寸的人脸不存在；超出实测错误率的比对正确；同时持有数据库与密钥者未读内容；删除后的残余在法律上属匿名；
未加密签署文件的旧版本所作备份无可打开之物；内容凭证在转码后仍在；检查点之后的任何事，尤其是撤回；证据包制作者未遗漏任何内容。
"""
