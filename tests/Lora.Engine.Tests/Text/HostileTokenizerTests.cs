using System.Diagnostics;
using Lora.Text;

namespace Lora.Tests.Text;

/// <summary>Files that ask for time, memory or depth without end.</summary>
public sealed class HostileTokenizerTests : IDisposable
{
    private const string Model = """{"type":"BPE","vocab":{"a":0,"b":1,"ab":2,"e":3},"merges":["a b"]}""";

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_pattern_that_takes_too_long_is_an_error_that_names_the_tokenizer()
    {
        Tokenizer tokenizer = Load("""{"pre_tokenizer":{"type":"Split","pattern":{"Regex":"(\\w+\\s?)+$|(a+)+b"},"behavior":"Isolated"}}""");
        LoraException failure = Assert.Throws<LoraException>(() => tokenizer.Encode(new string('a', 40) + " words that do not end!"));
        Assert.Equal(LoraError.PatternTimeout, failure.Error);
        Assert.Contains(tokenizer.Path, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Encoding_ends_when_it_is_cancelled()
    {
        Tokenizer tokenizer = Load("{}");
        Assert.Throws<OperationCanceledException>(() => tokenizer.Encode(["a"], int.MaxValue, new CancellationToken(canceled: true)));
    }

    [Fact]
    public void A_normalizer_that_multiplies_a_text_is_refused_before_memory_is_full()
    {
        const string Step = """{"type":"Replace","pattern":{"String":"e"},"content":"CONTENT"}""";
        string steps = string.Join(',', Enumerable.Repeat(Step.Replace("CONTENT", new string('e', 1000), StringComparison.Ordinal), 4));
        Tokenizer tokenizer = Load($$$"""{"normalizer":{"type":"Sequence","normalizers":[{{{steps}}}]}}""");
        Assert.Contains("1000000 characters", Refused(() => tokenizer.Encode("e")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_prefix_that_is_longer_than_texts_are_is_refused()
    {
        Tokenizer tokenizer = Load($$$"""{"normalizer":{"type":"Prepend","prepend":"{{{new string('a', 100_000)}}}"}}""");
        Assert.Contains("100001 characters", Refused(() => tokenizer.Encode("e")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_regular_expression_without_end_is_refused() =>
        Assert.Contains("10001 characters", Refused(() => Load(
            $$$"""{"pre_tokenizer":{"type":"Split","pattern":{"Regex":"{{{new string('a', 10_001)}}}"},"behavior":"Isolated"}}""")), StringComparison.Ordinal);

    [Theory]
    [InlineData("normalizer", "normalizers")]
    [InlineData("pre_tokenizer", "pretokenizers")]
    [InlineData("post_processor", "processors")]
    [InlineData("decoder", "decoders")]
    public void Steps_in_steps_without_end_are_refused(string part, string list)
    {
        const int Depth = 100_000;
        string open = string.Concat(Enumerable.Repeat($$"""{"type":"Sequence","{{list}}":[""", Depth));
        Assert.Contains("not JSON", Refused(() => Load($$"""{"{{part}}":{{open}}{{string.Concat(Enumerable.Repeat("]}", Depth))}}}""")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("BertProcessing", "\"cls\":[],\"sep\":[]")]
    [InlineData("RobertaProcessing", "\"cls\":[\"<s>\",0],\"sep\":[\"</s>\"]")]
    public void A_special_token_without_its_id_is_refused(string type, string tokens) =>
        Assert.Contains("not a pair", Refused(() => Load($$$"""{"post_processor":{"type":"{{{type}}}",{{{tokens}}}}}""")), StringComparison.Ordinal);

    [Theory]
    [InlineData("tokenizer.json")]
    [InlineData("tokenizer_config.json")]
    public void A_pipe_or_a_device_in_place_of_a_file_is_refused_unopened(string name)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Pipes and devices are files on Linux.");
        Load("{}");
        File.Delete(folder.File(name));
        File.CreateSymbolicLink(folder.File(name), "/dev/zero");
        Assert.Equal(LoraError.FileUnreadable, Assert.Throws<LoraException>(() => Tokenizer.Load(folder.Path)).Error);

        File.Delete(folder.File(name));
        Process.Start("mkfifo", folder.File(name)).WaitForExit();
        Assert.Equal(LoraError.FileUnreadable, Assert.Throws<LoraException>(() => Tokenizer.Load(folder.Path)).Error);
    }

    private static string Refused(Action work)
    {
        LoraException failure = Assert.Throws<LoraException>(work);
        Assert.Equal(LoraError.TokenizerInvalid, failure.Error);
        return failure.Message;
    }

    private Tokenizer Load(string json)
    {
        string rest = json.Length > 2 ? "," + json[1..] : "}";
        folder.Write("tokenizer.json", $$"""{"model":{{Model}}""" + rest);
        return Tokenizer.Load(folder.Path);
    }
}
