"""Short questions about a model's name and maker, in ten languages. None of them contains a name."""

from __future__ import annotations

from typing import Final

QUESTIONS: Final = (
    "What is your name?",
    "Who are you?",
    "Who created you?",
    "Which company trained you?",
    "What model are you? Answer with the exact name.",
    "Please introduce yourself in one sentence.",
    "Which AI model am I talking to right now?",
    "你是谁？",
    "你叫什么名字？",
    "你是哪家公司开发的？",
    "你是什么模型？",
    "Qual é o seu nome?",
    "Quem criou você?",
    "Que modelo de IA é você?",
    "¿Cómo te llamas?",
    "¿Quién te creó?",
    "Comment t'appelles-tu ?",
    "Qui t'a créé ?",
    "Wie heißt du?",
    "Wer hat dich entwickelt?",
    "Come ti chiami e chi ti ha creato?",
    "あなたの名前は何ですか？",
    "당신은 누구이며 누가 만들었나요?",
    "Как тебя зовут и кто тебя создал?",
)
