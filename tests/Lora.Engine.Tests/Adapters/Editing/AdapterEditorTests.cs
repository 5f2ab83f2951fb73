using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Native;
using Lora.Selection;
using TorchSharp;
using static Lora.Tests.Adapters.CombinedAdapter;
using static TorchSharp.torch;

namespace Lora.Tests.Adapters;

public class AdapterEditorTests
{
    private const double Tolerance = 1e-6; // float32's values, rounded once

    [Fact]
    public void What_is_left_out_is_gone_and_what_stays_keeps_its_bytes()
    {
        LoraAdapter adapter = Blocks(3);

        LoraAdapterEdit edit = AdapterEditor.Edit(adapter, new() { Exclude = ["**.1.**"] });

        Assert.Equal(["layers.0.q", "layers.2.q"], edit.Adapter!.Config.TargetModule!);
        Assert.Equal(adapter.Tensors.Where(tensor => !tensor.Name.Contains(".1.", StringComparison.Ordinal)), edit.Adapter.Tensors);
        Assert.Equal([(2, 1.0), (null, 0), (2, 1)], edit.Module.Select(module => (module.Rank, module.Retained)));
        Assert.Equal((2, 1, adapter.ParameterCount / 3 * 2), (edit.ModuleCount, edit.LeftOutCount, edit.ParameterCount));
        double share = AdapterInspector.Describe(adapter, withNorms: true).Module[1].Share!.Value;
        Assert.Equal(1 - share, edit.Retained!.Value, 1e-12);
        Assert.Equal(3, adapter.Tensors.Count / 2);
    }

    [Fact]
    public void Include_keeps_alone_what_it_matches()
    {
        LoraAdapterEdit edit = AdapterEditor.Edit(Blocks(3), new() { Include = ["layers.*.q"], Exclude = ["layers.0.**"] });

        Assert.Equal(["layers.1.q", "layers.2.q"], edit.Module.Where(module => module.Rank is not null).Select(module => module.Name));
    }

    [Fact]
    public void A_scale_is_that_of_the_change_and_the_first_pattern_decides()
    {
        using DisposeScope scope = NewDisposeScope();
        LoraAdapter adapter = Blocks(3);
        EditOptions options = new() { Scale = -0.3, ScalePattern = [new() { Pattern = "**.1.**", Value = 1 }, new() { Pattern = "**.q", Value = 2.5 }, new() { Pattern = "layers.2.q", Value = 9 }] };

        LoraAdapterEdit edit = AdapterEditor.Edit(adapter, options);

        double[] factors = [2.5, 1, 2.5];
        for (int block = 0; block < 3; block++)
        {
            string name = $"layers.{block}.q";
            Assert.InRange(Closeness.Relative(Product(edit.Adapter!, name), Product(adapter, name).Times(factors[block])), 0, Tolerance);
        }

        Assert.Equal(adapter.Config, edit.Adapter!.Config);
        Assert.Same(adapter.Tensors[2], edit.Adapter.Tensors[2]);
        Assert.InRange(Closeness.Relative(Product(AdapterEditor.Edit(adapter, new() { Scale = -0.3 }).Adapter!), Product(adapter).Times(-0.3)), 0, Tolerance);
    }

    [Fact]
    public void A_rank_truncates_to_the_nearest_matrix_and_no_rank_grows()
    {
        using DisposeScope scope = NewDisposeScope();
        LoraAdapter adapter = Random(1, 3, 8, rslora: true);

        LoraAdapterEdit smaller = AdapterEditor.Edit(adapter, new() { Rank = 2, Scale = 0.5 });
        LoraAdapterEdit larger = AdapterEditor.Edit(adapter, new() { Rank = 64 });

        double[] values = Values(linalg.svdvals(Product(adapter)));
        Assert.Equal(values[2], (Product(adapter) - Product(smaller.Adapter!).Times(2)).norm().ToDouble(), values[0] * Tolerance); // Eckart and Young
        Assert.Equal(1 - (values[2] * values[2] / values.Sum(value => value * value)), smaller.Retained!.Value, 1e-12);
        Assert.Equal((3, 1.0), (larger.Module[0].Rank!.Value, larger.Retained!.Value));
        Assert.InRange(Closeness.Relative(Product(larger.Adapter!), Product(adapter)), 0, Tolerance);
        Assert.False(smaller.Adapter!.Config.UseRsLora);
    }

    [Fact]
    public void A_share_gives_each_module_the_rank_that_it_needs_up_to_the_rank_that_is_given()
    {
        LoraAdapter one = AdapterEditor.Edit(Random(1, 4, 8, module: "layers.0.q"), new() { Rank = 1 }).Adapter!;
        LoraAdapter adapter = AdapterCombination.Combine([one, Random(2, 4, 8, module: "layers.1.q")], new());

        LoraAdapterEdit edit = AdapterEditor.Edit(adapter, new() { Retain = 0.9999 });
        LoraAdapterEdit capped = AdapterEditor.Edit(adapter, new() { Retain = 0.9999, Rank = 3 });

        Assert.Equal([1, 4], edit.Module.Select(module => module.Rank!.Value));
        Assert.Equal([1, 3], capped.Module.Select(module => module.Rank!.Value));
        Assert.Empty(AdapterWeightRules.Check(edit.Adapter!.Config, edit.Adapter.Tensors, "edit"));
    }

    [Fact]
    public void A_module_that_changes_nothing_gets_the_rank_one()
    {
        LoraAdapter adapter = AdapterEditor.Edit(Random(1, 4, 8), new() { Scale = 0 }).Adapter!;

        LoraAdapterEdit edit = AdapterEditor.Edit(adapter, new() { Retain = 0.5 });

        Assert.Equal((1, 1.0, 1.0), (edit.Module[0].Rank!.Value, edit.Module[0].Retained, edit.Retained!.Value));
    }

    [Fact]
    public void Ranks_and_alphas_of_patterns_stay_with_their_modules_and_patterns_without_a_module_go()
    {
        LoraAdapter first = Random(1, 2, 8);
        LoraConfig config = first.Config with
        {
            RankPattern = [new() { Pattern = "1.q", Value = 3 }, new() { Pattern = "2.q", Value = 4 }],
            AlphaPattern = [new() { Pattern = "layers.2.q", Value = 5 }],
        };
        LoraAdapter adapter = new() { Config = config, Tensors = [.. first.Tensors, .. Random(2, 3, 8, module: "layers.1.q").Tensors, .. Random(3, 4, 8, module: "layers.2.q").Tensors] };

        LoraConfig edited = AdapterEditor.Edit(adapter, new() { Exclude = ["layers.2.q"] }).Adapter!.Config;

        Assert.Equal(["1.q"], edited.RankPattern!.Select(entry => entry.Pattern));
        Assert.Null(edited.AlphaPattern);
    }

    [Fact]
    public void A_module_at_the_root_becomes_a_pattern_since_a_list_would_take_its_namesakes_too()
    {
        LoraAdapter adapter = new() { Config = new() { Rank = 2, TargetModule = ["proj_out"] }, Tensors = [.. Random(1, 2, 8, module: "proj_out").Tensors, .. Random(2, 2, 8, module: "blocks.0.proj_out").Tensors] };

        LoraConfig config = AdapterEditor.Edit(adapter, new() { Include = ["/proj_out"] }).Adapter!.Config;

        Assert.Equal((null, "proj_out"), (config.TargetModule, config.TargetPattern));
    }

    [Fact]
    public void Leaving_out_takes_biases_and_magnitudes_along_and_needs_no_more()
    {
        LoraAdapter plain = Blocks(2);
        TensorData Extra(string name) => new(PeftKey.Of(name, "lora_magnitude_vector"), TensorDataType.F32, [1], new byte[4]);
        LoraAdapter dora = new() { Config = plain.Config with { UseDora = true }, Tensors = [.. plain.Tensors, Extra("layers.0.q"), Extra("layers.1.q")] };

        LoraAdapterEdit edit = AdapterEditor.Edit(dora, new() { Exclude = ["layers.0.q"] });

        Assert.All(edit.Adapter!.Tensors, tensor => Assert.Contains("layers.1.q", tensor.Name, StringComparison.Ordinal));
        Assert.Equal((3, null), (edit.Adapter.Tensors.Count, edit.Retained));
        LoraException exception = Assert.Throws<LoraException>(() => AdapterEditor.Edit(dora, new() { Rank = 1 }));
        Assert.Equal(LoraError.EditRefused, exception.Error);
        Assert.Contains("uses DoRA", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Everything_in_the_way_is_said_before_any_work()
    {
        EditOptions options = new()
        {
            Include = ["k"],
            Exclude = ["layers.*"],
            Scale = double.NaN,
            Rank = 0,
            Retain = 1.5,
            ScalePattern = [new() { Pattern = "layers.0.q", Value = 2 }],
        };

        LoraException exception = Assert.Throws<LoraException>(() => AdapterEditor.Edit(Blocks(2), options));

        Assert.All(exception.Problems, problem => Assert.Equal(LoraError.EditRefused, problem.Error));
        string[] expected = [
            "Include 'k' matches none of its 2 modules; the nearest are 'q'", "Exclude 'layers.*' matches none of its 2 modules; 'layers.**' does", "not a finite number", "the rank 0", "the share 1.5",
            "ScalePattern 'layers.0.q' matches only modules that are left out", "no module is left"];
        Assert.All(expected, text => Assert.Contains(text, exception.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void A_value_beyond_float32_is_refused_with_its_module()
    {
        LoraException exception = Assert.Throws<LoraException>(() => AdapterEditor.Edit(Blocks(1), new() { Scale = 1e39 }));

        Assert.Equal((LoraError.EditRefused, "layers.0.q"), (exception.Error, exception.Problem.Target));
    }

    [Fact]
    public void A_changed_adapter_is_written_and_read_as_PEFT_writes_it()
    {
        using TemporaryFolder folder = new();
        LoraAdapter edited = AdapterEditor.Edit(Blocks(3), new() { Exclude = ["**.1.**"], Retain = 0.8 }).Adapter!;

        AdapterFolder.Save(edited, folder.File("edited"));
        LoraAdapter read = AdapterFolder.Load(folder.File("edited"));

        Assert.Equal(["layers.0.q", "layers.2.q"], FactorPair.Of(read).Keys);
        Assert.All(FactorPair.Of(read), pair => Assert.Equal(1, pair.Value.Scaling));
        TargetSelector selector = new(read.Config);
        Assert.Equal([true, false, true], new[] { "layers.0.q", "layers.1.q", "layers.2.q" }.Select(name => selector.Decide(name).Targeted));
    }

    private static LoraAdapter Blocks(int count) => new()
    {
        Config = Random(1, 2, 8).Config,
        Tensors = [.. Enumerable.Range(0, count).SelectMany(block => Random(block + 1, 2, 8, module: $"layers.{block}.q").Tensors)],
    };
}
