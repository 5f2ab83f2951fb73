using System.Text;
using CsCheck;
using Lora.Checkpoints;

namespace Lora.Tests.Checkpoints;

/// <summary>Whatever is in the files: they are read, or an error with a name says why not.</summary>
public sealed class CheckpointFuzzTests : IDisposable
{
    private const int Inputs = 3000;

    private const string Header = """
        {"__metadata__":{"format":"pt"},"h.0.attn.weight":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"b":{"dtype":"BF16","shape":[4],"data_offsets":[16,24]}}
        """;

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_damaged_file_gives_nothing_but_named_errors() =>
        Sample(SafetensorsBytes.Make(Header, 24), bytes => Open(folder.Write("model.safetensors", bytes)));

    [Fact]
    public void A_damaged_header_of_the_stated_length_gives_nothing_but_named_errors() =>
        Sample(Encoding.UTF8.GetBytes(Header), header => Open(folder.Write("model.safetensors", SafetensorsBytes.Make(header, 24))));

    [Fact]
    public void A_damaged_index_gives_nothing_but_named_errors()
    {
        folder.Write("s1.safetensors", SafetensorsBytes.OfVectors("a"));
        folder.Write("s2.safetensors", SafetensorsBytes.OfVectors("b"));
        byte[] index = """{"metadata":{"total_size":16},"weight_map":{"a":"s1.safetensors","b":"s2.safetensors"}}"""u8.ToArray();
        Sample(index, bytes => Open(folder.Write("model.safetensors.index.json", bytes)));
    }

    [Fact]
    public void A_damaged_config_is_no_error_of_the_list()
    {
        folder.Write("model.safetensors", SafetensorsBytes.OfVectors("a", "h.0.ln_1.weight"));
        byte[] config = """{"architectures":["GPT2LMHeadModel"],"model_type":"gpt2","tie_word_embeddings":true}"""u8.ToArray();
        Sample(config, bytes =>
        {
            folder.Write("config.json", bytes);
            return ModuleTree.Read(folder.Path).Modules.Count == 2;
        });
    }

    private static void Sample(byte[] whole, Func<byte[], bool> holds) =>
        Mutation.Several.Sample(mutations => holds(mutations.Aggregate(whole, (bytes, mutation) => mutation.Apply(bytes))), iter: Inputs, threads: 1);

    /// <summary>Reads all that can be read; any exception but the engine's own fails the test.</summary>
    private static bool Open(string path)
    {
        try
        {
            using Checkpoint checkpoint = Checkpoint.Open(path);
            foreach (TensorInfo tensor in checkpoint.Tensors)
            {
                checkpoint.Read(tensor, new byte[tensor.Length]);
            }

            return ModuleTree.Read(path).Modules.Count <= checkpoint.Tensors.Count;
        }
        catch (LoraException exception)
        {
            return exception.Problems.All(problem => problem.Message.Length > 0);
        }
    }
}
