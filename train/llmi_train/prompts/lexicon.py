"""The words by which languages say how many pictures are wanted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Lexicon:
    """Of a language that has spaces between words. Each is a regular expression, of a text in lower case."""

    numbers: dict[str, int]
    several: str
    """What stands for some number of them, not said which."""
    articles: str
    pictures: str
    """Pictures of whatever sort."""
    sorts: str
    """Sorts of pictures."""
    at_least: str
    at_most: str
    about: str
    exactly: str
    or_: str
    """Between the two ends of a range."""
    or_more: str
    """After a number that is the least."""
    between: str
    """Words that do not stand between a number and what it counts."""
    none: str
    """What stands before a picture that is not wanted."""
    none_at_all: str
    """What says so without naming pictures, or with them in it."""
    illustrated: str
    """What says that there are to be some."""


def _count(words: str) -> dict[str, int]:
    """ "one two|a couple of three" from 1; spellings of one number have bars between."""
    return {
        each.replace("_", " "): number
        for number, spellings in enumerate(words.split(), 1)
        for each in spellings.split("|")
    }


ENGLISH = Lexicon(
    _count(
        "one|a_single|single two|a_couple_of|a_pair_of three four five six|half_a_dozen|a_half_dozen seven eight nine ten eleven "
        "twelve|a_dozen "
        "thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty"
    ),
    r"some|several|a few|various|multiple|many|plenty of|a series of|a set of|numerous|relevant|appropriate|suitable"
    r"|supporting|accompanying|any number of",
    r"an?|another",
    r"pictures?|images?|illustrations?|figures?|visuals?|graphics?|pics?",
    r"photos?|photographs?|charts?|graphs?|plots?|diagrams?|drawings?|visuali[sz]ations?|infographics?|sketch(?:es)?"
    r"|paintings?|maps?|renderings?|renders?|screenshots?|posters?|flowcharts?|schematics?|portraits?|snapshots?"
    r"|watercolou?rs?|cartoons?|heat ?maps?|histograms?|timelines?|comics?",
    r"at least|min(?:imum|\.)?|no fewer than|no less than|a minimum of|minimum of|not fewer than|more than|over",
    r"at most|max(?:imum|\.)?|no more than|not more than|up to|a maximum of|maximum of|fewer than|less than|under",
    r"about|around|roughly|approximately",
    r"exactly|precisely|just|only|a total of|in total",
    r"to|or|and|through",
    r"or more|plus|and up",
    r"of|in|on|with|and|or|to|for|from|by|the|that|which|as|at|into|about|than|are|is|should|must|no|not|without|more|fewer|less"
    r"|hundred|thousand|million|billion|percent|its?|their|your|each|any|an?",
    r"no|without(?: any| the| a)?|zero|free of|omit(?:ting)?(?: all| any)?|avoid(?:ing)?(?: all| any)?|leav(?:e|ing) out(?: all| any)?"
    r"|exclud(?:e|ing)(?: all| any)?|skip(?:ping)?(?: all| any| the)?"
    r"|(?:do not|don['’]?t|never|not|must not|should not|shouldn['’]?t|cannot|can['’]?t)(?: to)?"
    r" (?:include|including|use|using|add|adding|insert|inserting|need|want|contain|have|place|put|embed|attach|provide|with)(?: any| a| an)?"
    r"|not (?:a single|one|any)",
    r"text[- ]only|only text|text alone|plain text|purely (?:textual|written|verbal)|words (?:alone|only)|only words|only (?:in|with) words"
    r"|(?:prose|writing) (?:alone|only)|unillustrated|(?:picture|image|illustration|photo)[- ](?:free|less)"
    r"|(?:pictures?|images?|illustrations?|photos?|photographs?|figures?|visuals?|graphics?) (?:(?:at all )?(?:is|are) )?"
    r"(?:(?:is|are)n['’]?t |not |un-?)(?:needed|necessary|required|wanted|allowed|welcome)"
    r"|(?:do not|don['’]?t|never|not) (?:to )?(?:be )?illustrat\w+|without illustrating"
    r"|no need (?:for|of|to (?:add|include|use|insert)) (?:any )?(?:pictures?|images?|illustrations?|photos?|visuals?|figures?)",
    r"(?:un)?illustrat(?:e|ed|es|ing)\b",
)
GERMAN = Lexicon(
    _count(
        "ein|eine|einem|einer|einen|ein_einziges|eine_einzige zwei|ein_paar_von drei vier fünf|fuenf sechs sieben acht neun zehn "
        "elf zwölf|zwoelf"
    ),
    r"einige|einigen|mehrere|mehreren|ein paar|viele|vielen|verschiedene|verschiedenen|passende|passenden|geeignete|geeigneten",
    r"ein(?:e|em|er|en)?|noch eine?s?",
    r"bild(?:er)?n?|abbildung(?:en)?|illustration(?:en)?|grafik(?:en)?|graphik(?:en)?",
    r"fotos?|fotografien?|photos?|diagramme?n?|zeichnung(?:en)?|karten?|skizzen?|schaubild(?:er)?n?|infografik(?:en)?|gemälden?|aquarelle?n?",
    r"mindestens|wenigstens|minimal|mehr als",
    r"höchstens|maximal|bis zu|nicht mehr als|weniger als",
    r"etwa|ungefähr|rund|ca\.?",
    r"genau|nur|insgesamt|exakt",
    r"bis|oder|und",
    r"oder mehr|und mehr",
    r"von|in|im|auf|mit|und|oder|zu|für|aus|der|die|das|den|dem|als|an|kein\w*|ohne",
    r"keine[nrm]?|kein|ohne(?: jede| irgendwelche)?|verzichte(?:n)?(?: sie)? auf|null",
    r"nur text|reiner text|nur in worten|ausschließlich text|unbebildert|nicht bebildert"
    r"|(?:bilder|abbildungen|illustrationen) sind nicht (?:nötig|erwünscht|erforderlich)",
    r"bebildert\w*|illustriert\w*",
)
FRENCH = Lexicon(
    _count("un|une|une_seule|un_seul deux trois quatre cinq six sept huit neuf dix onze douze"),
    r"quelques|plusieurs|diverses|des|de nombreuses|certaines",
    r"une?",
    r"images?|illustrations?|figures?|visuels?",
    r"photos?|photographies?|graphiques?|schémas?|diagrammes?|dessins?|cartes?|croquis|infographies?|tableaux|aquarelles?",
    r"au moins|au minimum|plus de",
    r"au plus|au maximum|jusqu['’]à|pas plus de|moins de",
    r"environ|à peu près",
    r"exactement|précisément|seulement|au total",
    r"à|ou|et",
    r"ou plus|et plus",
    r"de|en|dans|sur|avec|et|ou|à|pour|par|le|la|les|du|que|qui|au|aux|sans|pas|plus|moins",
    r"sans(?: aucune?)?|aucune?|pas d[e'’]|ni|n['’]inclu\w+ pas d['’]|zéro",
    r"texte (?:seul|uniquement)|uniquement (?:du|en) texte|seulement du texte|non illustré",
    r"illustrée?s?|en images",
)
SPANISH = Lexicon(
    _count(
        "un|una|uno|una_sola|un_solo dos tres cuatro cinco seis siete ocho nueve diez once doce"
    ),
    r"algunas?|algunos?|varias?|varios?|unas|unos|diversas|muchas",
    r"una?",
    r"imágenes|imagen|ilustraci(?:ón|ones)|figuras?|visuales",
    r"fotos?|fotografías?|gráficos?|gráficas?|diagramas?|dibujos?|mapas?|esquemas?|infografías?|acuarelas?",
    r"al menos|por lo menos|como mínimo|más de",
    r"como máximo|a lo sumo|hasta|no más de|menos de",
    r"aproximadamente|alrededor de|unas",
    r"exactamente|solo|sólo|solamente|en total",
    r"a|o|y",
    r"o más|y más",
    r"de|en|con|y|o|a|para|por|el|la|los|las|del|que|sin|ningun\w*|más|menos",
    r"sin(?: ninguna?| ningún)?|ninguna?|ningún|no (?:incluyas?|incluya|uses?|use|añadas?|pongas?)(?: ninguna?)?",
    r"solo texto|sólo texto|únicamente texto|texto únicamente|solamente texto",
    r"ilustrad[oa]s?|con imágenes",
)
LEXICONS = {"en": ENGLISH, "de": GERMAN, "fr": FRENCH, "es": SPANISH}
