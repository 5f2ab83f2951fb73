using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Adapters;

/// <summary>Ranks made smaller, against PEFT's own results: linear layers, an embedding and a convolution.</summary>
public class GoldenResizeTests
{
    // Of the largest value: the results were taken in float32, through products that are formed.
    private const double Tolerance = 2e-5;

    [Theory]
    [InlineData(4)]
    [InlineData(8)]
    public void A_fixed_rank_gives_PEFT_s_truncation(int rank)
    {
        using DisposeScope scope = NewDisposeScope();
        GoldenTensors expected = new(Repository.Shared("golden2", "resize", "peft", $"svd_resize_rank{rank}.safetensors"));
        LoraConfig config = new() { Rank = 16, Alpha = 8, AlphaPattern = [new() { Pattern = "fc2", Value = 20 }], TargetModule = ["fc1", "fc2", "emb", "conv"] };
        LoraAdapter adapter = Golden("input.safetensors", "one/", config);

        LoraAdapterEdit edit = AdapterEditor.Edit(adapter, new() { Rank = rank });

        Assert.Equal((rank, (double)rank, 4), (edit.Adapter!.Config.Rank, edit.Adapter.Config.Alpha, edit.ModuleCount));
        foreach ((string name, FactorPair pair) in FactorPair.Of(edit.Adapter))
        {
            // add_weighted_adapter counts the scaling twice where it decomposes.
            double twice = name == "fc2" ? 1.25 : 0.5;
            bool isEmbedding = name == "emb"; // the weight of an embedding is [rows, width], B A its transpose
            Tensor product = pair.UpMatrix().mm(pair.DownMatrix()).Times(pair.Scaling * twice);
            Tensor golden = expected[$"delta/{name}"];
            Assert.InRange(Closeness.Largest(isEmbedding ? product.t() : product, golden.flatten(1)) / golden.abs().max().ToDouble(), 0, Tolerance);
        }
    }

    [Theory]
    [InlineData("rank4", 4, null, 4, 4)]
    [InlineData("energy0.9", null, 0.9, 4, 7)]
    [InlineData("energy0.99", null, 0.99, 8, 12)]
    [InlineData("energy1.0", null, 1.0, 16, 16)]
    public void The_smallest_rank_that_keeps_a_share_is_PEFT_s(string run, int? rank, double? share, int first, int second)
    {
        using DisposeScope scope = NewDisposeScope();
        GoldenTensors expected = new(Repository.Shared("golden2", "resize", "peft", "convert_to_lora.safetensors"));
        LoraAdapter adapter = Golden("convert_to_lora.safetensors", "in/", new() { Rank = 16, Alpha = 8, TargetModule = ["fc1", "fc2"] });

        LoraAdapterEdit edit = AdapterEditor.Edit(adapter, new() { Rank = rank, Retain = share });

        Assert.Equal([("fc1", first), ("fc2", second)], edit.Module.Select(module => (module.Name, module.Rank!.Value)));
        foreach ((string name, FactorPair pair) in FactorPair.Of(edit.Adapter!))
        {
            Tensor golden = expected[$"delta/{run}/{name}"];
            Tensor whole = expected[$"delta/energy1.0/{name}"];
            Assert.InRange(Closeness.Largest(pair.UpMatrix().mm(pair.DownMatrix()).Times(pair.Scaling), golden) / golden.abs().max().ToDouble(), 0, Tolerance);
            double kept = Math.Pow((golden.norm() / whole.norm()).ToDouble(), 2);
            Assert.Equal(kept, edit.Module.Single(module => module.Name == name).Retained, 1e-5);
        }
    }

    private static LoraAdapter Golden(string file, string prefix, LoraConfig config) => new()
    {
        Config = config,
        Tensors = [.. SafetensorsFile.ReadAll(Repository.Shared("golden2", "resize", "peft", file))
            .Where(tensor => tensor.Name.StartsWith(prefix, StringComparison.Ordinal))
            .Select(tensor => tensor with { Name = tensor.Name[prefix.Length..] })],
    };
}
