using System.Text.Json;
using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Adapters;

/// <summary>Ranks made smaller in a file of Kohya's form, against resize_lora.py: linear layers, a convolution, a module that changes nothing, one without alpha.</summary>
public class KohyaResizeTests
{
    // Of the largest value: the script decomposes the product in float32.
    private const double Tolerance = 2e-5;

    private readonly string input = Repository.Shared("golden2", "resize", "kohya", "input.safetensors");

    [Fact]
    public void A_fixed_rank_gives_the_script_s_change()
    {
        using DisposeScope scope = NewDisposeScope();
        GoldenTensors expected = new(Repository.Shared("golden2", "resize", "kohya", "rank4.safetensors"));

        FactorPair[] edited = [.. FactorPair.Of(AdapterEditor.Edit(AdapterFile.Load(input), new() { Rank = 4 }).Adapter!).Values];

        Assert.All(Names().Zip(edited), module =>
        {
            Tensor golden = expected[module.First + "/delta"].flatten(1);
            double largest = Math.Max(golden.abs().max().ToDouble(), 1e-30);
            Assert.InRange(Closeness.Largest(module.Second.UpMatrix().mm(module.Second.DownMatrix()).Times(module.Second.Scaling), golden) / largest, 0, Tolerance);
        });
    }

    [Theory]
    [InlineData("sv_fro_0.9", 0.9, 16)]
    [InlineData("sv_fro_0.99_max6", 0.99, 6)]
    public void A_share_needs_one_rank_less_than_the_script_takes(string run, double norm, int most)
    {
        using JsonDocument facts = JsonDocument.Parse(File.ReadAllText(Repository.Shared("golden2", "resize", "kohya", "run.json")));
        JsonElement modules = facts.RootElement.GetProperty("runs").GetProperty(run).GetProperty("modules");

        // The script counts shares of the norm, not of its square, and adds one to a rank that suffices.
        LoraAdapterEdit edit = AdapterEditor.Edit(AdapterFile.Load(input), new() { Retain = norm * norm, Rank = most });

        Assert.All(Names().Zip(edit.Module), module =>
        {
            int script = modules.GetProperty(module.First).GetProperty("new_rank").GetInt32();
            Assert.Contains(script - module.Second.Rank!.Value, module.First.Contains("zero", StringComparison.Ordinal) || module.Second.Rank == most ? [0] : new[] { 1 });
        });
    }

    private IEnumerable<string> Names() => LoosePairs.Of(SafetensorsFile.ReadAll(input), input).Pairs.Select(pair => pair.Name);
}
