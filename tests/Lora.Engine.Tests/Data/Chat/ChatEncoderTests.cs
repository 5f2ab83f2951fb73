using System.Text.Json;
using Lora.Data;
using Lora.Text;

namespace Lora.Tests.Data.Chat;

public sealed class ChatEncoderTests
{
    private static readonly Tokenizer Tokenizer = TemplateTokenizer.With(["<|im_start|>", "<|im_end|>"]);
    private static readonly ChatTemplate ChatMl = ChatTemplate.Parse(KnownTemplates.Text("chatml"));

    private static readonly ChatTurn[] Talk =
        [new(new("user", "Q1")), new(new("assistant", "A1")), new(new("user", "Q2")), new(new("assistant", "A2"))];

    [Fact]
    public void Of_the_last_turn_alone_the_last_answer_is_learned() =>
        Assert.Equal(["A2<|im_end|>"], Learned(Talk, new() { SupervisedTurn = SupervisedTurn.Last }));

    [Theory]
    [InlineData(SupervisedTurn.All, "Q1<|im_end|> A2<|im_end|>")]
    [InlineData(SupervisedTurn.Last, "Q1<|im_end|> A2<|im_end|>")]
    public void A_mark_holds_for_any_role_whatever_is_said(SupervisedTurn supervised, string learned) =>
        Assert.Equal(learned.Split(' '), Learned([Talk[0] with { IsLearned = true }, Talk[1] with { IsLearned = false }, .. Talk[2..]], new() { SupervisedTurn = supervised }));

    [Fact]
    public void The_system_prompt_stands_before_conversations_that_have_none()
    {
        DataOptions options = new() { SystemPrompt = "Be kind." };
        Assert.StartsWith("<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nQ1", Text(Talk, options), StringComparison.Ordinal);
        Assert.StartsWith("<|im_start|>system\nBe terse.<|im_end|>\n<|im_start|>user\nQ1", Text([new(new("system", "Be terse.")), .. Talk], options), StringComparison.Ordinal);
    }

    [Fact]
    public void An_empty_answer_is_not_learned_and_is_told()
    {
        ChatText text = Write([Talk[0], new(new("assistant", " \n")), .. Talk[2..]])!;
        Assert.Equal(["A2<|im_end|>"], text.Pieces.Where(piece => piece.IsLearned).Select(piece => piece.Text));
        Assert.Equal(RowNotes.EmptyTurn, text.Notes);
        Assert.Null(Write([Talk[0], new(new("assistant", ""))]));
        Assert.Null(Write([Talk[0]]));
    }

    [Fact]
    public void Reasoning_that_the_template_does_not_write_is_told()
    {
        ChatTurn reasoned = new(ChatMessage.FromJson(JsonDocument.Parse("""{"role":"assistant","content":"A","reasoning_content":"R"}""").RootElement));
        Assert.Equal(RowNotes.UnwrittenReasoning, Write([Talk[0], reasoned])!.Notes);
        ChatTemplate writes = ChatTemplate.Parse("{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.reasoning_content %}<think>{{ m.reasoning_content }}</think>{% endif %}{{ m.content }}<|im_end|>{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}");
        ChatText text = Write([Talk[0], reasoned], template: writes)!;
        Assert.Equal("<think>R</think>A<|im_end|>", text.Pieces.Single(piece => piece.IsLearned).Text);
        Assert.Equal((RowNotes)0, text.Notes);
    }

    [Fact]
    public void A_message_that_the_template_leaves_out_is_told_and_one_that_is_to_be_learned_is_refused()
    {
        ChatTemplate answers = ChatTemplate.Parse("{% for m in messages if m.role != 'system' %}{{ m.content }}<|im_end|>{% endfor %}");
        Assert.Equal(RowNotes.UnwrittenMessage, Write([new(new("system", "S")), .. Talk], template: answers)!.Notes);
        ChatTemplate questions = ChatTemplate.Parse("{% for m in messages if m.role == 'user' %}{{ m.content }}<|im_end|>{% endfor %}", path: "questions");
        FormatException failure = Assert.Throws<FormatException>(() => Write(Talk, template: questions));
        Assert.Contains("the chat template of 'questions'", failure.Message, StringComparison.Ordinal);
        Assert.Contains("{% generation %}", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{% for m in messages %}{{ m.content[:2] }}<|im_end|>{% endfor %}")]
    [InlineData("{% for m in messages %}{{ m.content | length }}{{ m.content }}<|im_end|>{% endfor %}")]
    [InlineData("{% for m in messages %}{{ m.content }}{{ m.content }}<|im_end|>{% endfor %}")]
    [InlineData("{% for m in messages %}{{ m.content | upper }}{{ raise_exception('no') if '\uE000' in m.content }}<|im_end|>{% endfor %}")]
    public void Where_it_cannot_be_told_nothing_is_guessed(string template) =>
        Assert.Throws<FormatException>(() => Write([Talk[0], new(new("assistant", "Three"))], template: ChatTemplate.Parse(template)));

    [Fact]
    public void A_template_that_looks_at_what_users_say_is_borne()
    {
        ChatTemplate looks = ChatTemplate.Parse("{% for m in messages %}{% if m.role == 'user' %}{{ 'Q!' if m.content.startswith('Q') else 'Q?' }}{% endif %}{{ m.content }}<|im_end|>{% endfor %}");
        Assert.Equal(["A1<|im_end|>", "A2<|im_end|>"], Learned(Talk, template: looks));
        Assert.Contains("-AllowSpecialToken", Assert.Throws<FormatException>(() => Write([new(new("user", "Q <|im_end|>")), Talk[1]], template: looks)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_template_that_runs_on_without_end_is_no_fault_of_a_row()
    {
        ChatTemplate endless = ChatTemplate.Parse("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}");
        Assert.Equal(LoraError.ChatTemplateFailed, Assert.Throws<LoraException>(() => Write(Talk, template: endless)).Error);
    }

    [Fact]
    public void What_the_template_writes_by_itself_counts_where_rows_are_not_encoded_yet()
    {
        ChatTemplate talks = ChatTemplate.Parse("You are x x x x x x x x x x x x. {% for m in messages %}{{ m.content }}{% endfor %}");
        Assert.InRange(GoldenTemplates.Encoder(talks, Tokenizer).Overhead, 14, 100);
        Assert.InRange(GoldenTemplates.Encoder(talks, Tokenizer, new() { SystemPrompt = new string('1', 500) }).Overhead, 500, 1200);
    }

    [Fact]
    public void Characters_of_private_use_are_characters() =>
        Assert.Equal(["\uE000A\uE001<|im_end|>"], Learned([Talk[0], new(new("assistant", "\uE000A\uE001"))]));

    [Fact]
    public void A_special_token_that_a_message_spells_is_characters_unless_it_is_allowed()
    {
        ChatTurn[] spelled = [new(new("user", "Say <|im_end|> and <|im_end|>")), new(new("assistant", "No <|im_start|>."))];
        EncodedRow row = Encode(spelled);
        Assert.Equal(RowNotes.SpelledToken, row.Notes);
        Assert.Equal((2, 2), (Count(row, "<|im_start|>"), Count(row, "<|im_end|>")));
        Assert.Equal("<|im_start|>user\nSay <|im_end|> and <|im_end|><|im_end|>\n<|im_start|>assistant\nNo <|im_start|>.<|im_end|>\n", Tokenizer.Decode(row.Example.Ids, skipSpecialTokens: false));

        EncodedRow allowed = Encode(spelled, new() { AllowSpecialToken = true });
        Assert.Equal((3, 4), (Count(allowed, "<|im_start|>"), Count(allowed, "<|im_end|>")));
        Assert.Equal((RowNotes)0, allowed.Notes);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Added_tokens_that_are_not_special_are_tokens_wherever_they_stand(bool normalized)
    {
        Tokenizer thinks = TemplateTokenizer.With(["<|im_start|>", "<|im_end|>"], plain: ["<think>"], normalized: normalized);
        ChatTurn[] spelled = [new(new("user", "Say <|im_end|>, <think>")), Talk[1]];
        EncodedRow row = new RowEncoder(thinks, 1000, new(() => GoldenTemplates.Encoder(ChatMl, thinks))).Encode(new ChatRow(1, spelled), default)!;
        Assert.Equal(1, row.Example.Ids.Count(id => id == thinks.IdOf("<think>")));
        Assert.Equal(2, row.Example.Ids.Count(id => id == thinks.IdOf("<|im_end|>")));
        Assert.Equal(Text(spelled, new()), thinks.Decode(row.Example.Ids, skipSpecialTokens: false));
    }

    [Fact]
    public void A_prompt_is_the_users_message_with_what_begins_the_answer()
    {
        RowEncoder encoder = new(Tokenizer, 1000, new(() => GoldenTemplates.Encoder(ChatMl, Tokenizer, new() { SystemPrompt = "S" })));
        int[] ids = encoder.EncodeChatPrompt("Q <|im_end|>", default);
        Assert.Equal("<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nQ <|im_end|><|im_end|>\n<|im_start|>assistant\n", Tokenizer.Decode(ids, skipSpecialTokens: false));
        Assert.Equal(2, ids.Count(id => id == Tokenizer.IdOf("<|im_end|>")));
        Assert.Equal([Tokenizer.IdOf("<|im_end|>")!.Value], GoldenTemplates.Encoder(ChatMl, Tokenizer).EndIds);
    }

    [Fact]
    public void A_template_whose_tokens_the_model_lacks_is_learned_to_the_end_of_the_turn_all_the_same()
    {
        Tokenizer plain = TemplateTokenizer.With([]);
        ChatText text = GoldenTemplates.Encoder(ChatMl, plain).Write(new(1, Talk), default)!;
        Assert.Equal(["A1<|im_end|>", "A2<|im_end|>"], text.Pieces.Where(piece => piece.IsLearned).Select(piece => piece.Text));
    }

    [Theory]
    [InlineData("{{ bos_token }}", 1)]
    [InlineData("", 0)]
    public void The_begin_token_is_the_one_that_the_template_writes_whatever_the_tokenizer_puts_before_texts(string begin, int count)
    {
        Tokenizer opening = TemplateTokenizer.With(["<|im_start|>", "<|im_end|>"], "sentencepiece");
        int first = Assert.Single(opening.OpeningIds);
        ChatTemplate template = ChatTemplate.Parse(begin + KnownTemplates.Text("chatml"), new Dictionary<string, string> { ["bos_token"] = "<s>" });
        RowEncoder encoder = new(opening, 1000, new(() => GoldenTemplates.Encoder(template, opening)));

        Assert.Equal(count, encoder.Encode(new ChatRow(1, Talk), default)!.Example.Ids.Count(id => id == first));
        Assert.Equal(count, encoder.EncodeChatPrompt("Q", default).Count(id => id == first));
        Assert.Equal(1, encoder.Encode(new TextRow(1, "Q"), default)!.Example.Ids.Count(id => id == first));
    }

    [Fact]
    public void A_template_without_an_end_of_turn_gets_the_end_of_the_sequence()
    {
        ChatTemplate bare = ChatTemplate.Parse("{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}");
        TrainingExample example = Encode(Talk[..2], template: bare).Example;
        Assert.Equal(Tokenizer.EndOfSequenceId, example.Labels[^1]);
        Assert.Equal("user: Q1\nassistant: A1\n</s>", Tokenizer.Decode(example.Ids, skipSpecialTokens: false));
    }

    private static int Count(EncodedRow row, string token) => row.Example.Ids.Count(id => id == Tokenizer.IdOf(token));

    private static EncodedRow Encode(ChatTurn[] turns, DataOptions? options = null, ChatTemplate? template = null) =>
        new RowEncoder(Tokenizer, 1000, new(() => GoldenTemplates.Encoder(template ?? ChatMl, Tokenizer, options))).Encode(new ChatRow(1, turns), default)!;

    private static ChatText? Write(ChatTurn[] turns, DataOptions? options = null, ChatTemplate? template = null) =>
        GoldenTemplates.Encoder(template ?? ChatMl, Tokenizer, options).Write(new(1, turns), default);

    private static IEnumerable<string> Learned(ChatTurn[] turns, DataOptions? options = null, ChatTemplate? template = null) =>
        Write(turns, options, template)!.Pieces.Where(piece => piece.IsLearned).Select(piece => piece.Text);

    private static string Text(ChatTurn[] turns, DataOptions options) => string.Concat(Write(turns, options)!.Pieces.Select(piece => piece.Text));
}
