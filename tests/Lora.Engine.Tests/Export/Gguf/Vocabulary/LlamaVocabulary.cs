using System.Text;
using LLama;
using LLama.Common;
using Lora.Checkpoints;
using Lora.Export;

namespace Lora.Tests.Export;

/// <summary>A vocabulary in llama.cpp itself, of a file that has nothing else.</summary>
internal sealed class LlamaVocabulary : IDisposable
{
    private readonly LLamaWeights weights;

    private LlamaVocabulary(LLamaWeights weights) => this.weights = weights;

    /// <summary>Writes a vocabulary and loads it; the test is skipped, by name, where llama.cpp does not run.</summary>
    public static LlamaVocabulary Open(TemporaryFolder files, GgufVocabulary vocabulary)
    {
        LlamaClient.SkipWhereItDoesNotRun();
        string file = files.File(Guid.NewGuid() + ".gguf");
        GgufWriter.Write(file, [new("general.architecture", GgufValue.Of("llama")), .. vocabulary.Fields], [], (_, _) => { });
        return new(LLamaWeights.LoadFromFile(new ModelParams(file) { VocabOnly = true, GpuLayerCount = 0 }));
    }

    /// <summary>The rows.</summary>
    public int Count => weights.Vocab.Count;

    public int? Begin => (int?)weights.Vocab.BOS;

    public int? End => (int?)weights.Vocab.EOS;

    public int? EndOfTurn => (int?)weights.Vocab.EOT;

    /// <summary>Ids of a text, special tokens in it and around it included.</summary>
    public int[] Encode(string text) => [.. weights.NativeHandle.Tokenize(text, true, true, Encoding.UTF8).Select(token => (int)token)];

    /// <summary>The value of a key as text; null without one.</summary>
    public string? Metadata(string key) => weights.Metadata.GetValueOrDefault(key);

    /// <summary>The chat template that clients take.</summary>
    public string? ChatTemplate(string? name = null) => weights.NativeHandle.GetTemplate(name, strict: true);

    public void Dispose() => weights.Dispose();
}
