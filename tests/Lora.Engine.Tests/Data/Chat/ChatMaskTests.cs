using System.Text.Json;
using System.Text.RegularExpressions;
using Lora.Data;
using Lora.Text;

namespace Lora.Tests.Data.Chat;

/// <summary>
/// What is learned of conversations, for the templates of models in use: of random conversations the tokens that are learned spell the assistant's
/// messages and the ends of its turns, and nothing else.
/// </summary>
public sealed partial class ChatMaskTests
{
    private const int Conversations = 40;

    // What templates write between what asks for an answer and the answer itself, all of which a model has to say.
    private const string Scaffold = @"(\s|</?think>|</?mm:think>|</?think:opensource>|<assistant>|<\|content\|>|<\|channel\|>final<\|message\|>)*";

    private static readonly string[] Words =
        ["fox", "den", "naïve", "北京", "は", "🦊", "👩‍🚀", "e\u0301", "\u00a0", "x = 3", "```\ncode\n```", "\n\n", "  ", "<b>", "{{ x }}", "\"q\"", "\\n", "a\tb", "\u200b", "1,234.5"];

    /// <summary>The templates, and what ends the assistant's turn: before another message, and at the end of the conversation where that differs.</summary>
    public static TheoryData<string, string, string> Templates { get; } = new()
    {
        { "Apriel-1.6-15b-Thinker-fixed.jinja", "<|end|>", "</s>" },
        { "Bielik-11B-v3.0-Instruct.jinja", "<|im_end|>", "" },
        { "GLM-4.7-Flash.jinja", "<|user|>", "</s>" },
        { "GigaChat3-10B-A1.8B.jinja", "<|message_sep|>", "" },
        { "GigaChat3.1-10B-A1.8B.jinja", "<|message_sep|>", "" },
        { "HuggingFaceTB-SmolLM3-3B.jinja", "<|im_end|>", "" },
        { "Kimi-K2-Thinking.jinja", "<|im_end|>", "" },
        { "LFM2.5-8B-A1B.jinja", "<|im_end|>\n", "" },
        { "MiMo-VL.jinja", "<|im_end|>", "" },
        { "MiniMax-M3.jinja", "[e~[", "" },
        { "Mistral-Small-3.2-24B-Instruct-2506.jinja", "</s>", "" },
        { "NVIDIA-Nemotron-3-Nano-30B-A3B-BF16.jinja", "<|im_end|>", "" },
        { "NVIDIA-Nemotron-Nano-v2.jinja", "<SPECIAL_12>", "" },
        { "NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use.jinja", "<|im_end|>", "" },
        { "Qwen-QwQ-32B.jinja", "<|im_end|>", "" },
        { "Qwen-Qwen2.5-7B-Instruct.jinja", "<|im_end|>", "" },
        { "Qwen-Qwen3-0.6B.jinja", "<|im_end|>", "" },
        { "Qwen3.5-4B.jinja", "<|im_end|>", "" },
        { "StepFun3.5-Flash.jinja", "<|im_end|>", "" },
        { "cfg-gemma3", "<end_of_turn>", "" },
        { "cfg-llama3", "<|eot_id|>", "" },
        { "cfg-qwen3", "<|im_end|>", "" },
        { "chatml", "<|im_end|>", "" },
        { "chatml-generation", "<|im_end|>", "" },
        { "deepseek-ai-DeepSeek-R1-Distill-Llama-8B.jinja", "<｜end▁of▁sentence｜>", "" },
        { "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B.jinja", "<｜end▁of▁sentence｜>", "" },
        { "deepseek-ai-DeepSeek-V3.1.jinja", "<｜end▁of▁sentence｜>", "" },
        { "google-gemma-4-31B-it-interleaved.jinja", "<turn|>", "" },
        { "ibm-granite-granite-4.0.jinja", "<|end_of_text|>", "" },
        { "ibm-granite-granite-4.1.jinja", "<|end_of_text|>", "" },
        { "llama-cpp-deepseek-r1.jinja", "<｜end▁of▁sentence｜>", "" },
        { "meta-llama-Llama-3.1-8B-Instruct.jinja", "<|eot_id|>", "" },
        { "meta-llama-Llama-3.2-3B-Instruct.jinja", "<|eot_id|>", "" },
        { "meta-llama-Llama-3.3-70B-Instruct.jinja", "<|eot_id|>", "" },
        { GoldenTemplates.Harmony, "<|end|>", "<|return|>" },
        { "microsoft-Phi-3.5-mini-instruct.jinja", "<|end|>", "" },
        { "mistralai-Ministral-3-14B-Reasoning-2512.jinja", "</s>", "" },
        { "mistralai-Mistral-Nemo-Instruct-2407.jinja", "</s>", "" },
        { "moonshotai-Kimi-K2.jinja", "<|im_end|>", "" },
        { "openbmb-MiniCPM5-1B.jinja", "<|im_end|>", "" },
        { "poolside-Laguna-S-2.1.jinja", "</assistant>\n", "" },
        { "poolside-Laguna-XS-2.1.jinja", "</assistant>\n", "" },
        { "poolside-Laguna-XS.2.jinja", "</assistant>\n", "" },
        { "tencent-Hy3.jinja", "<｜hy_eos:opensource｜>", "</s>" },
        { "unsloth-Apriel-1.5.jinja", "<|end|>", "" },
        { "upstage-Solar-Open-100B.jinja", "<|end|>", "" },
    };

    [Fact]
    public void Every_template_that_there_is_takes_part()
    {
        Repository.Shared("chat", "golden.json");

        // One wants a variable, functions, that no conversation has.
        Assert.Equal(
            GoldenTemplates.Names.Append(GoldenTemplates.Harmony).Order(StringComparer.Ordinal),
            ((IEnumerable<ITheoryDataRow>)Templates).Select(row => (string)row.GetData()[0]!).Append("fireworks-ai-llama-3-firefunction-v2.jinja").Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Templates))]
    public void What_is_learned_are_the_assistants_messages_to_the_end_of_their_turns(string name, string end, string last)
    {
        Tokenizer tokenizer = GoldenTemplates.Tokenizer(name);
        RowEncoder encoder = new(tokenizer, int.MaxValue - 1, new(() => GoldenTemplates.Encoder(name, tokenizer)));
        Random random = new(name.Length);
        for (int conversation = 0; conversation < Conversations; conversation++)
        {
            ChatRow row = Conversation(random, name);
            TrainingExample example = encoder.Encode(row, default)!.Example;
            string[] answers = [.. row.Turns.Where(turn => turn.Learns).Select(turn => turn.Message.Content!)];
            string[] blocks = [.. Blocks(example).Select(block => tokenizer.Decode(block, skipSpecialTokens: false))];
            Assert.Equal(answers.Length, blocks.Length);
            Assert.All(blocks.Select((block, at) => (block, at)), pair =>
            {
                string ending = pair.at == blocks.Length - 1 && last.Length > 0 && row.Turns[^1].Learns ? last : end;
                Assert.Matches($"^{Scaffold}{Regex.Escape(answers[pair.at].Trim())}\\s*{Regex.Escape(ending)}$", pair.block);
            });
        }
    }

    [Theory]
    [MemberData(nameof(Templates))]
    public void With_calls_reasoning_and_empty_turns_too_all_answers_are_learned_and_nothing_that_others_say(string name, string end, string last)
    {
        Tokenizer tokenizer = GoldenTemplates.Tokenizer(name);
        RowEncoder encoder = new(tokenizer, int.MaxValue - 1, new(() => GoldenTemplates.Encoder(name, tokenizer)));
        Random random = new(name.Length);
        int written = 0;
        for (int conversation = 0; conversation < Conversations; conversation++)
        {
            (ChatRow row, string[] texts) = MixedConversation(random, name);
            EncodedRow? encoded;
            try
            {
                encoded = encoder.Encode(row, default);
            }
            catch (FormatException)
            {
                continue; // the template has no way to write it, and that is said
            }

            string[] expected = [.. row.Turns.Zip(texts).Where(turn => turn.First.Learns).SelectMany(turn => Said().Matches(turn.Second)).Select(match => match.Value)];
            if (encoded is null)
            {
                Assert.DoesNotContain(expected, IsAnswer);
                continue;
            }

            written++;
            string learned = string.Concat(Blocks(encoded.Example).Select(block => tokenizer.Decode(block, skipSpecialTokens: false)));
            string[] said = [.. Said().Matches(learned).Select(match => match.Value)];
            Assert.Equal(expected.Where(IsAnswer), said.Where(IsAnswer));
            Assert.Subset(expected.ToHashSet(), said.ToHashSet());
            Assert.All(expected.Where(text => text.StartsWith("answer", StringComparison.Ordinal)), text => Assert.Matches($"{text}\\s*{(last.Length == 0 ? Regex.Escape(end) : $"({Regex.Escape(end)}|{Regex.Escape(last)})")}", learned));
        }

        Assert.InRange(written, 1, Conversations);
    }

    [Theory]
    [MemberData(nameof(Templates))]
    public void What_is_given_are_the_tokens_that_the_model_is_given_when_it_answers(string name, string end, string last)
    {
        Assert.NotEqual(end, last);
        ChatTemplate template = GoldenTemplates.Template(name);
        foreach (string fixture in new[] { "byte-level-digits", "sentencepiece", "metaspace-first" })
        {
            Tokenizer tokenizer = GoldenTemplates.Tokenizer(name, fixture);
            RowEncoder encoder = new(tokenizer, int.MaxValue - 1, new(() => GoldenTemplates.Encoder(template, tokenizer)));
            ChatRow row = Tools(name, new(1, [new(new("user", "Who digs?")), new(new("assistant", "The fox  digs.\n")), new(new("user", "Where?")), new(new("assistant", "In the den."))]));
            ChatMessage[] messages = [.. row.Turns.Select(turn => turn.Message)];
            string text = Render(messages, begins: false);
            TrainingExample example = encoder.Encode(row, default)!.Example;
            foreach (int turn in new[] { 1, 3 })
            {
                string asked = Render(messages[..turn], begins: true);
                if (text.StartsWith(asked, StringComparison.Ordinal) && !template.HasGeneration)
                {
                    int[] given = tokenizer.Encode(asked, addSpecialTokens: false);
                    Assert.Equal(given, example.Ids[..given.Length]);
                    Assert.NotEqual(TrainingExample.Unsupervised, example.Labels[given.Length]);
                    Assert.Equal(TrainingExample.Unsupervised, example.Labels[given.Length - 1]);
                }
            }

            string Render(ChatMessage[] some, bool begins) => template.Render(some, row.Tools, begins, clock: new StoppedClock(new DateTime(2026, 11, 24, 0, 0, 0, DateTimeKind.Utc))).Text;
        }
    }

    [Theory]
    [InlineData("chatml-generation", "multi multi_nosys bad think")]
    [InlineData("LFM2.5-8B-A1B.jinja", "multi multi_nosys toolcall bad think")]
    [InlineData("poolside-Laguna-S-2.1.jinja", "multi multi_nosys toolcall bad")]
    [InlineData("poolside-Laguna-XS-2.1.jinja", "multi multi_nosys toolcall bad think")]
    [InlineData("poolside-Laguna-XS.2.jinja", "multi multi_nosys toolcall bad think")]
    public void Where_the_template_marks_what_is_generated_that_is_learned(string name, string conversations)
    {
        ChatEncoder encoder = GoldenTemplates.Encoder(name, GoldenTemplates.Tokenizer(name));
        Assert.All(conversations.Split(' '), conversation =>
        {
            JsonElement golden = GoldenTemplates.Out(name, conversation);
            int[] runes = [.. golden.GetProperty("ok").GetString()!.EnumerateRunes().Select(rune => rune.Value)];
            string[] ranges = [.. golden.GetProperty("ind").EnumerateArray().Select(range => string.Concat(runes[range[0].GetInt32()..range[1].GetInt32()].Select(char.ConvertFromUtf32)))];
            Assert.Equal(ranges, Learned(encoder.Write(GoldenTemplates.Row(conversation), default)!));
        });
    }

    [Theory]
    [InlineData("multi")]
    [InlineData("multi_nosys")]
    [InlineData("bad")]
    [InlineData("think")]
    public void Without_its_marks_the_same_is_learned(string conversation)
    {
        string text = GenerationTags().Replace(GoldenTemplates.Text("chatml-generation"), "");
        Tokenizer tokenizer = GoldenTemplates.Tokenizer("chatml-generation");
        ChatTemplate template = ChatTemplate.Parse(text);
        Assert.False(template.HasGeneration);
        Assert.Equal(
            Learned(GoldenTemplates.Encoder("chatml-generation", tokenizer).Write(GoldenTemplates.Row(conversation), default)!),
            Learned(GoldenTemplates.Encoder(template, tokenizer).Write(GoldenTemplates.Row(conversation), default)!));
    }

    private static ChatRow Conversation(Random random, string name)
    {
        List<ChatTurn> turns = [];
        if (random.Next(3) == 0)
        {
            turns.Add(new(new("system", Text(random))));
        }

        int exchanges = random.Next(1, 5);
        for (int exchange = 0; exchange < exchanges; exchange++)
        {
            turns.Add(new(new("user", random.Next(6) == 0 ? "Again" : Text(random))));
            turns.Add(new(new("assistant", random.Next(8) == 0 ? "Again" : Text(random))));
        }

        return Tools(name, new(1, turns));
    }

    /// <summary>A conversation whose every text is its own: answer 1, call 2, reason 3 of the assistant, others' with their roles.</summary>
    private static (ChatRow Row, string[] Texts) MixedConversation(Random random, string name)
    {
        List<string> turns = [];
        int count = 0;
        if (random.Next(3) == 0)
        {
            Add("system", $"system {++count}");
        }

        int exchanges = random.Next(1, 4);
        for (int exchange = 0; exchange < exchanges; exchange++)
        {
            Add("user", $"user {++count}");
            if (random.Next(3) == 0)
            {
                turns.Add($$"""{"role":"assistant","content":"","tool_calls":[{"id":"abcdefghi","type":"function","function":{"name":"get_weather","arguments":{"city":"call {{++count}}"} } }]}""");
                turns.Add($$"""{"role":"tool","content":"result {{++count}}","tool_call_id":"abcdefghi","name":"get_weather"}""");
            }

            Add("assistant", random.Next(5) == 0 ? "" : $"answer {++count}", random.Next(3) == 0 ? $"reason {++count}" : null);
        }

        ChatRow row = new(1, [.. turns.Select(turn => new ChatTurn(ChatMessage.FromJson(JsonDocument.Parse(turn).RootElement)))]);
        return (turns.Exists(turn => turn.Contains("tool_calls", StringComparison.Ordinal)) ? row with { Tools = GoldenTemplates.Row("tools").Tools } : Tools(name, row), [.. turns]);

        void Add(string role, string content, string? reasoning = null) =>
            turns.Add(JsonSerializer.Serialize(reasoning is null ? (object)new { role, content } : new { role, content, reasoning_content = reasoning }));
    }

    // This one has no other way to go than with tools.
    private static ChatRow Tools(string name, ChatRow row) => name.Contains("tool_use", StringComparison.Ordinal)
        ? row with { Tools = GoldenTemplates.Row("tools").Tools }
        : row;

    private static string Text(Random random)
    {
        string text = string.Concat(Enumerable.Range(0, random.Next(1, 9)).Select(_ => Words[random.Next(Words.Length)]));
        return string.IsNullOrWhiteSpace(text) ? "den" + text : text;
    }

    private static IEnumerable<int[]> Blocks(TrainingExample example)
    {
        List<int> block = [];
        foreach (int label in example.Labels.Append(TrainingExample.Unsupervised))
        {
            if (label != TrainingExample.Unsupervised)
            {
                block.Add(label);
            }
            else if (block.Count > 0)
            {
                yield return [.. block];
                block.Clear();
            }
        }
    }

    private static string[] Learned(ChatText text) => [.. text.Pieces.Where(piece => piece.IsLearned).Select(piece => piece.Text)];

    // Templates write reasoning of some turns only.
    private static bool IsAnswer(string text) => !text.StartsWith("reason", StringComparison.Ordinal);

    [GeneratedRegex(@"(system|user|result|call|reason|answer) \d+")]
    private static partial Regex Said();

    [GeneratedRegex(@"\{%-? *(end)?generation *-?%\}")]
    private static partial Regex GenerationTags();
}
