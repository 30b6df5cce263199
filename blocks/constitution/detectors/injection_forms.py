"""The wordings in which text speaks to an assistant instead of to its reader, by kind and language.

Every gap between words is bounded, so that the time taken grows with the length of the text and no faster.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Form:
    """One wording: lower case words of which one must be in the text, and the pattern that is then asked."""

    kind: str
    words: tuple[str, ...]
    pattern: re.Pattern[str]


def _form(kind: str, words: str, *pattern: str) -> Form:
    return Form(kind=kind, words=tuple(words.split()), pattern=re.compile("".join(pattern), re.IGNORECASE))


_RULES = (
    r"(?:instruct|direct(?:ion|ive)|prompt|rule|guideline|command|order|context|constraint"
    r"|polic(?:y|ies)|request)\w*"
)
_AI = (
    r"(?:ai|a\.i\.|llms?|gpts?|chat ?bots?|assistants?|language models?|ai (?:model|agent|assistant"
    r"|system)s?)"
)
_DO = (
    r"(?:send|call|e-?mail|transfer|delete|ignore|forward|approve|give|recommend|rate|say|include|add"
    r"|visit|post"
    r"|run|execute|reply|answer|output|print|reveal|follow|obey|do|must|should|please|grant|pay|buy"
    r"|accept|now)"
)

FORMS: tuple[Form, ...] = (
    _form(
        "override",
        "ignore disregard forget override discard neglect follow attention",
        r"\b(?:ignore|disregard|forget|override|discard|neglect|(?:do not|don't|stop|never) follow(?:ing)?"
        r"|pay no attention to)\b[^.!?\n]{0,25}?\b(?:previous(?:ly)?|prior|above|earlier|preceding"
        r"|existing|original"
        r"|former|your|initial)\b[^.!?\n]{0,25}?\b",
        _RULES,
    ),
    _form(
        "override",
        "ignore disregard forget follow",
        r"\b(?:ignore|disregard|forget|(?:do not|don't) follow)\b[^.!?\n]{0,20}?\b",
        _RULES,
        r"\b[^.!?\n]{0,15}?\b(?:above|before|earlier|previously|you (?:were|have been|received|got)"
        r"|your \w+ gave)",
    ),
    _form(
        "override",
        "disregard ignore forget",
        r"\b(?:disregard|ignore|forget)\b (?:all |everything )?(?:of )?(?:the |that )?(?:(?:above"
        r"|previous|foregoing)"
        r"(?: and\b| text| content|[.!,;])|everything (?:above|before|you (?:were|have|know)|that came))",
    ),
    _form(
        "override",
        "vergiss ignorier missacht vergesse übergeh",
        r"\b(?:ignorier\w*|vergiss|vergesse\w*|missachte\w*|übergeh\w*)\b.{0,30}?\b(?:vorherig|bisherig"
        r"|obig|vorangeh"
        r"|vorangegang|früher|alle)\w*.{0,20}?(?:anweisung|regel|instruktion|vorgabe|befehl)",
    ),
    _form(
        "override",
        "ignor olvid descart omiso dimentic trascur esqueç desconsider oubli compte néglig",
        r"\b(?:ignor[aeo]\w*|olvid[ae]\w*|descart[ae]\w*|caso omiso|dimentic\w+|trascur\w+|esqueç\w+"
        r"|desconsider\w+"
        r"|oublie\w*|pas compte|néglige\w*)\b.{0,30}?\b(?:instruc|instruç|instruction|indicac|indicaz"
        r"|orden|ordini"
        r"|ordres?|regl|regol|regra|règle|consigne|istruzion)\w*.{0,15}?\b(?:anterior|previ|prévi"
        r"|précédent|antérieur"
        r"|precedent|ci-dessus|de arriba|acima|di cui sopra)",
    ),
    _form(
        "override",
        "negeer vergeet zignoruj zapomnij pomiń yoksay unut görmezden",
        r"\b(?:negeer|vergeet)\b.{0,20}?\b(?:vorige|eerdere|bovenstaande"
        r"|voorgaande)\b.{0,10}?(?:instructie|opdracht"
        r"|regel|aanwijzing)|\b(?:zignoruj|zapomnij|pomiń)\b.{0,30}?\b(?:poprzedni|wcześniejsz"
        r"|powyższ)\w*.{0,10}?"
        r"(?:polece|instruk|zasad|wytyczn)|(?:önceki|yukar\u0131daki).{0,15}?(?:talimat|komut|yönerge)\w*.{0,10}?"
        r"(?:yoksay|unut|görmezden)",
    ),
    _form(
        "override",
        "игнорир забудь внимани",
        r"(?:игнорируй\w*|забудь\w*|не обращай\w* внимания).{0,30}?(?:предыдущ|прошл|прежн|вышеуказан"
        r"|ранее)\w*.{0,10}?"
        r"(?:инструкц|указани|команд|правил)",
    ),
    _form(
        "override",
        "忽略 无视 無視 忘记 忘れ 不要理会 무시 잊",
        r"(?:忽略|无视|無視|忘记|不要理会).{0,10}?(?:之前|以上|上面|先前|前面|此前).{0,6}?(?:指令|指示|提示|规则|命令|说明)",
        r"|(?:以前|上記|これまで|前|今まで).{0,6}?(?:指示|命令|ルール|プロンプト).{0,8}?(?:無視|忘れ)",
        r"|(?:이전|위의|앞의).{0,8}?(?:지시|명령|지침).{0,6}?(?:무시|잊)",
    ),
    _form(
        "override",
        "अनदेखा भूल تجاهل انس",
        r"(?:पिछले|पूर्व|उपरोक्त).{0,15}?(?:निर्देश|आदेश).{0,15}?(?:अनदेखा|भूल)",
        r"|(?:تجاهل|انس).{0,15}?(?:التعليمات|الأوامر|التوجيهات)",
    ),
    _form(
        "role-marker",
        "<| [inst] [/inst] <<sys <</sys",
        r"<\|[a-z_]{2,30}\|>|\[/?INST\]|<</?SYS>>",
    ),
    _form(
        "role-marker",
        "<",
        r"</?(?:system|assistant|tool|tool_(?:result|call|response|output)s?|function_(?:result|call)s?"
        r"|user_(?:input|message)"
        r"|important|information|instructions?|system[-_ ](?:prompt|message|reminder))>",
    ),
    _form(
        "role-marker",
        "system assistant human",
        r"\n[ \t#*-]*(?:system|assistant|human)(?: message"
        r"| prompt)?[*]{0,2}:[ \t]+[^\n]{0,60}?\b(?:from now on|you\b|call "
        r"|grant|ignore|delete|send|i have|now\b)|(?:^|\n)[ \t]*#{2,}[ \t]*(?:system"
        r"|assistant)(?: prompt)?:[ \t]",
    ),
    _form(
        "address",
        " ai a.i. llm gpt chatbot assistant model agent",
        rf"\b(?:notes?|messages?|attention|instructions?|dear|reminder)(?: (?:to|for))?(?: (?:all|any"
        rf"|the|you,? the))? {_AI}\b",
        rf"[^\n]{{0,60}}?\b{_DO}\b",
        rf"|\bto you, (?:the )?{_AI}\b|\bif you(?:'re| are) (?:an? |the )?(?:large )?{_AI}\b",
        rf"|\b{_AI}(?: agents?| models?)? (?:reading|processing|summari[sz]ing|reviewing) this\b",
        rf"|(?:^|[\n.!>])[ \t]*{_AI}(?: \w+)?:[ \t]*{_DO}\b",
    ),
    _form(
        "new-self",
        "you  act pretend mode system unrestricted",
        r"\byou are now (?:an? |the |in )?(?:\w+ )?(?:unrestricted|evil|dan\b|jail|developer mode"
        r"|free of|model\b|bot\b|ai\b)"
        r"|\byou are no longer (?:bound|restricted|limited|an? (?:ai|assistant))"
        r"|\b(?:act|behave) as (?:dan\b|an? (?:unrestricted|unfiltered|evil))|\bnew system prompt\b"
        r"|\b(?:have|has) no (?:restrictions|limits|limitations|rules)\b"
        r"|\byour (?:new|real|actual|only) (?:task|instructions?|goal|objective|mission|role) (?:is|are)\b",
    ),
    _form(
        "secrecy",
        "user",
        r"\b(?:do not|don't|without|never)\b (?:tell(?:ing)?|inform(?:ing)?|mention(?:ing)?"
        r"|alert(?:ing)?|notify(?:ing)?"
        r"|show(?:ing)?|reveal(?:ing)?)(?: (?:this|it|that|anything))?(?: to)? the user\b",
    ),
    _form(
        "reveal",
        "prompt instruction",
        r"\b(?:reveal|print|show|output|repeat|display|leak|disclose|tell me"
        r"|write out)\b.{0,30}?\b(?:system prompt"
        r"|(?:your|the) (?:initial|hidden|original|secret|system) (?:instruction|prompt)"
        r"|your (?:instruction|prompt))",
    ),
    _form(
        "unsafe-mode",
        "safety content filter restrictions developer jailbr",
        r"\b(?:safety|content) (?:guidelines?|filters?|polic\w+|rules?"
        r"|measures?)\b.{0,25}?\b(?:suspended|disabled|off\b"
        r"|lifted|do not apply)|\b(?:bypass|disable|turn off|ignore)\w*\b.{0,15}?\b(?:safety"
        r"|content) (?:filter|guideline"
        r"|polic|rule|measure)|\bdeveloper mode (?:is )?(?:now )?(?:enabled|activated|on\b)"
        r"|\bjailbr(?:eak|oken)\b",
    ),
    _form(
        "exfiltration",
        "](",
        r"\]\((?:https?:)?//[^)\s?&=]{0,150}+[?&=][^)]{0,80}?(?:\{+[a-z_ ]|<[a-z_ ]|\[[a-z_ ]|%7b"
        r"|=[a-z0-9]+_[a-z_]*"
        r"(?:conversation|secret|key|history|prompt|data)\w*\))",
    ),
    _form(
        "exfiltration",
        "exfiltrat conversation history credential secret password key prompt",
        r"\bexfiltrat\w+ .{0,30}?\b(?:keys?|secrets?|passwords?|data|credentials?|tokens?|files?)\b"
        r"|\b(?:append|send|post"
        r"|include|put|add|upload|leak)\b.{0,40}?\b(?:chat history|conversation|system prompt"
        r"|credentials?|api keys?"
        r"|secrets?|passwords?)\b.{0,40}?\b(?:https?://|the url\b|query)",
    ),
)

AIMED = re.compile(
    rf"(?i)\b{_AI}\b.{{0,80}}?\b{_DO}\b|\b(?:ignore|disregard) (?:the user|all|any)"
    rf"|\byou must\b.{{0,40}}?\b{_DO}\b"
)
"""What a person who does not see it would have no use for: asked of hidden text only."""
