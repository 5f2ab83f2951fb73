using System.Text.Json;
using Lora.Data;
using Lora.Text;

namespace Lora.Tests.Data.Chat;

/// <summary>
/// What is learned of conversations in channels, as models of the Harmony format have them: reasoning stands in a channel of its own and is kept for the
/// last answer alone, which ends otherwise than the answers before it, and calls have a channel too.
/// </summary>
public sealed class HarmonyMaskTests
{
    private const string Question = """{"role":"user","content":"Who?"}""";
    private const string Call = """{"role":"assistant","content":"","thinking":"Look.","tool_calls":[{"type":"function","function":{"name":"find","arguments":{"what":"den"}}}]}""";
    private const string Found = """{"role":"tool","content":"one den","name":"find"}""";
    private const string Tools = """[{"type":"function","function":{"name":"find","description":"Finds.","parameters":{"type":"object","properties":{"what":{"type":"string"}}}}}]""";

    private static readonly Tokenizer Tokenizer = GoldenTemplates.Tokenizer(GoldenTemplates.Harmony);
    private static readonly ChatEncoder Encoder = GoldenTemplates.Encoder(GoldenTemplates.Harmony, Tokenizer);

    [Fact]
    public void Earlier_answers_end_as_they_are_written_and_the_last_one_as_it_returns() => Assert.Equal(
        ["<|channel|>final<|message|>The fox.<|end|>", "<|channel|>final<|message|>The den.<|return|>"],
        Learned($$"""[{{Question}},{"role":"assistant","content":"The fox."},{{Question}},{"role":"assistant","content":"The den."}]"""));

    [Theory]
    [InlineData("thinking")]
    [InlineData("reasoning_content")]
    [InlineData("reasoning")]
    public void Reasoning_is_learned_with_the_last_answer_and_that_of_earlier_turns_is_told(string field)
    {
        string reasoned = $$"""{"role":"assistant","content":"The fox.","{{field}}":"Red."}""";
        const string Answer = "<|channel|>analysis<|message|>Red.<|end|><|start|>assistant<|channel|>final<|message|>The fox.<|return|>";
        Assert.Equal([Answer], Learned($"[{Question},{reasoned}]"));
        Assert.Equal((RowNotes)0, Write($"[{Question},{reasoned}]").Notes);

        string earlier = $"[{Question},{reasoned},{Question},{reasoned}]";
        Assert.Equal(["<|channel|>final<|message|>The fox.<|end|>", Answer], Learned(earlier));
        Assert.Equal(RowNotes.UnwrittenReasoning, Write(earlier).Notes);
    }

    [Fact]
    public void A_call_is_learned_with_whom_it_is_to_and_what_ends_it_and_its_result_is_given()
    {
        const string Called = """ to=functions.find<|channel|>commentary json<|message|>{"what": "den"}<|call|>""";
        Assert.Equal([$"<|channel|>analysis<|message|>Look.<|end|><|start|>assistant{Called}"], Learned($"[{Question},{Call}]"));
        Assert.Equal(
            [Called, "<|channel|>final<|message|>There.<|return|>"],
            Learned($$"""[{{Question}},{{Call}},{{Found}},{"role":"assistant","content":"There."}]"""));
    }

    [Fact]
    public void What_is_given_are_the_tokens_that_ask_for_the_answer()
    {
        TrainingExample example = new RowEncoder(Tokenizer, 1000, new(() => Encoder)).Encode(Row($$"""[{{Question}},{"role":"assistant","content":"The fox.","thinking":"Red."}]"""), default)!.Example;
        ChatMessage asked = new("user", "Who?");
        int[] given = Tokenizer.Encode(
            GoldenTemplates.Template(GoldenTemplates.Harmony).Render([asked], Row($"[{Question}]").Tools, true, clock: new StoppedClock(new DateTime(2026, 11, 24, 0, 0, 0, DateTimeKind.Utc))).Text,
            addSpecialTokens: false);
        Assert.Equal(given, example.Ids[..given.Length]);
        Assert.All(example.Labels[..given.Length], label => Assert.Equal(TrainingExample.Unsupervised, label));
        Assert.Equal(example.Ids[given.Length..], example.Labels[given.Length..]);
    }

    private static string[] Learned(string messages) => [.. Write(messages).Pieces.Where(piece => piece.IsLearned).Select(piece => piece.Text)];

    private static ChatText Write(string messages) => Encoder.Write(Row(messages), default)!;

    private static ChatRow Row(string messages) => new(
        1, [.. JsonDocument.Parse(messages).RootElement.EnumerateArray().Select(message => new ChatTurn(ChatMessage.FromJson(message)))], JsonDocument.Parse(Tools).RootElement);
}
