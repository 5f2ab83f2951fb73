using System.Runtime.InteropServices;
using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Selection;
using Lora.Tests.Training;

namespace Lora.Tests.Adapters;

/// <summary>On the example model of four blocks.</summary>
public class PortableAdapterTests
{
    private static readonly ModuleTree Tree = ModuleTree.Read(ExampleRun.Model);

    [Fact]
    public void Every_modules_change_is_what_it_was_with_a_scaling_of_one_and_one_rank()
    {
        LoraAdapter adapter = Trained(new()
        {
            Rank = 4,
            Alpha = 6,
            UseRsLora = true,
            TargetModule = ["q_proj", "v_proj", "down_proj"],
            RankPattern = [new() { Pattern = "down_proj", Value = 2 }],
            AlphaPattern = [new() { Pattern = "v_proj", Value = 1 }],
        });
        LoraAdapter portable = PortableAdapter.Of(adapter, ExampleRun.Model);

        Assert.Equal((4, 4.0, false), (portable.Config.Rank, portable.Config.Alpha, portable.Config.UseRsLora));
        Assert.Null(portable.Config.RankPattern ?? portable.Config.AlphaPattern);
        IReadOnlyDictionary<string, FactorPair> before = FactorPair.Of(adapter);
        IReadOnlyDictionary<string, FactorPair> after = FactorPair.Of(portable);
        Assert.Equal(before.Keys.Order(StringComparer.Ordinal), after.Keys.Order(StringComparer.Ordinal));
        Assert.All(after, entry =>
        {
            Assert.Equal((4, 1.0), (entry.Value.Rank, entry.Value.Scaling));
            AssertClose(Change(before[entry.Key]), Change(entry.Value));
        });
    }

    [Fact]
    public void Roles_get_a_pair_in_every_block_and_queries_have_values_beside_them()
    {
        LoraAdapter portable = PortableAdapter.Of(Trained(new() { Rank = 2, TargetModule = ["layers.1.self_attn.q_proj", "layers.2.mlp.up_proj"] }), ExampleRun.Model);

        string[] expected = [.. Tree.Modules.Select(module => module.Name)
            .Where(name => name.EndsWith("q_proj", StringComparison.Ordinal) || name.EndsWith("v_proj", StringComparison.Ordinal) || name.EndsWith("up_proj", StringComparison.Ordinal))];
        IReadOnlyDictionary<string, FactorPair> pairs = FactorPair.Of(portable);
        Assert.Equal(expected.Order(StringComparer.Ordinal), pairs.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(2, pairs.Values.Count(pair => Change(pair).Any(value => value != 0)));
        Assert.Equal(["q_proj", "up_proj", "v_proj"], portable.Config.TargetModule!);
        Assert.Equal(expected, TargetResolver.Resolve(portable.Config, Tree.Modules, Tree.Containers, Tree.ModelType).Targets.Select(target => target.Module.Name));
        Assert.All(ClientCheck.Of(portable, [LoraClient.SGLang, LoraClient.TGI, LoraClient.LlamaCpp, LoraClient.VLLM], ExampleRun.Model), report => Assert.Equal(LoraClientOutcome.Right, report.Outcome));
    }

    [Fact]
    public void What_has_no_portable_form_is_refused_by_name_all_at_once()
    {
        LoraAdapter adapter = Trained(new() { Rank = 2, TargetModule = ["q_proj"], UseDora = true, Bias = LoraBias.All, ModulesToSave = ["model.norm"] });
        LoraException exception = Assert.Throws<LoraException>(() => PortableAdapter.Of(adapter, ExampleRun.Model));
        Assert.All(exception.Problems, problem => Assert.Equal(LoraError.PortableRefused, problem.Error));
        Assert.Contains("use_dora", exception.Message, StringComparison.Ordinal);
        Assert.Contains("biases", exception.Message, StringComparison.Ordinal);
        Assert.Contains("model.norm", exception.Message, StringComparison.Ordinal);
    }

    private static LoraAdapter Trained(LoraConfig config) =>
        ExampleRun.Train(config with { Model = ExampleRun.Model, Initialization = "gaussian" }, ExampleRun.Options with { MaxStep = 2 }).Adapter!;

    /// <summary>s · B A by plain loops, [out * in].</summary>
    private static double[] Change(FactorPair pair)
    {
        ReadOnlySpan<float> down = MemoryMarshal.Cast<byte, float>(pair.Down.Bytes.Span); // [rank, in]
        ReadOnlySpan<float> up = MemoryMarshal.Cast<byte, float>(pair.Up.Bytes.Span); // [out, rank]
        int rank = (int)pair.Rank;
        int inputs = down.Length / rank;
        double[] change = new double[up.Length / rank * inputs];
        for (int index = 0; index < change.Length; index++)
        {
            for (int direction = 0; direction < rank; direction++)
            {
                change[index] += pair.Scaling * up[(index / inputs * rank) + direction] * down[(direction * inputs) + (index % inputs)];
            }
        }

        return change;
    }

    /// <summary>Within one rounding of float32, since s · B is rounded once.</summary>
    private static void AssertClose(double[] expected, double[] actual)
    {
        double largest = expected.Max(Math.Abs);
        Assert.NotEqual(0, largest);
        Assert.All(expected.Zip(actual), pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, 1e-6 * largest));
    }
}
