using Lora.Native;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Tests.Adapters;

/// <summary>An adapter on a layer and the same adapter in the layer's weights are one function; taking it off leaves no trace.</summary>
public class MergeTests
{
    private const double Tolerance = 1e-5;

    public static TheoryData<string, string> KindsAndVariants()
    {
        TheoryData<string, string> data = [];
        foreach (string module in OwnModel.Adaptable)
        {
            foreach (string variant in new[] { "plain", "rslora", "dora", "bias", "saved", "pissa", "olora", "dora olora" })
            {
                data.Add(module, variant);
            }

            if (module is not "table" and not "dilated")
            {
                data.Add(module, "lora_bias");
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(KindsAndVariants))]
    public void Merged_weights_compute_what_the_adapted_layer_computes(string module, string variant)
    {
        using DisposeScope scope = NewDisposeScope();
        using OwnModel model = new();
        Tensor input = OwnModel.Input();
        using IDisposable noGradient = no_grad();
        Tensor plain = model.call(input);
        byte[] bytes = model.Bytes();
        using AttachedLora adapter = LoraModules.Attach(model, Variant(variant) with { TargetModule = [module] }, seed: 3);
        Disturb(adapter);

        Tensor adapted = model.call(input);
        adapter.Merge();
        Tensor merged = model.call(input);

        Assert.True(Closeness.Relative(adapted, plain) > 1e-3);
        Assert.InRange(Closeness.Relative(merged, adapted), 0, Tolerance);

        adapter.Unmerge();
        Assert.Equal(adapted.bytes.ToArray(), model.call(input).bytes.ToArray());
        adapter.IsEnabled = false;
        Assert.Equal(bytes, model.Bytes());
        Assert.Equal(plain.bytes.ToArray(), model.call(input).bytes.ToArray());
    }

    [Fact]
    public void A_bfloat16_weight_is_summed_in_float32_and_rounded_once()
    {
        using DisposeScope scope = NewDisposeScope();
        using OwnModel model = new(dtype: ScalarType.BFloat16);
        using IDisposable noGradient = no_grad();
        Parameter weight = model.get_parameter("linear.weight")!;
        Tensor before = weight.detach().clone();
        using AttachedLora adapter = LoraModules.Attach(model, Variant("plain") with { TargetModule = ["linear"] });
        Disturb(adapter);

        adapter.Merge();

        Tensor exact = before.to(ScalarType.Float64).Plus(adapter.Parameters[1].to(ScalarType.Float64).mm(adapter.Parameters[0].to(ScalarType.Float64)).Times(2));
        Assert.Equal(exact.to(ScalarType.Float32).to(ScalarType.BFloat16).bytes.ToArray(), weight.detach().contiguous().bytes.ToArray());
        adapter.Unmerge();
        Assert.Equal(before.bytes.ToArray(), weight.detach().contiguous().bytes.ToArray());
    }

    [Fact]
    public void Values_that_are_not_finite_are_refused_by_name_and_nothing_is_changed()
    {
        using DisposeScope scope = NewDisposeScope();
        using OwnModel model = new();
        byte[] bytes = model.Bytes();
        using AttachedLora adapter = LoraModules.Attach(model, Variant("plain") with { TargetModule = ["table", "linear"] });
        using IDisposable noGradient = no_grad();
        Disturb(adapter);
        adapter.Parameters[3].copy_(tensor(double.PositiveInfinity));

        LoraException exception = Assert.Throws<LoraException>(adapter.Merge);

        Assert.Equal(LoraError.MergeRefused, exception.Error);
        Assert.Contains("'linear'", exception.Message, StringComparison.Ordinal);
        Assert.False(adapter.IsMerged);
        Assert.True(adapter.IsEnabled);
        adapter.Dispose();
        Assert.Equal(bytes, model.Bytes());
    }

    [Fact]
    public void A_bias_of_B_is_not_merged_into_a_module_without_a_bias()
    {
        using OwnModel model = new();
        using AttachedLora adapter = LoraModules.Attach(model, Variant("lora_bias") with { TargetModule = ["dilated"] });

        Assert.Equal(LoraError.MergeRefused, Assert.Throws<LoraException>(adapter.Merge).Error);
    }

    [Fact]
    public void A_weight_that_two_modules_share_is_not_merged()
    {
        using Linear first = nn.Linear(4, 4, hasBias: false);
        using Linear second = nn.Linear(4, 4, hasBias: false);
        second.weight = first.weight;
        using Sequential model = nn.Sequential(("first", first), ("second", second));
        using AttachedLora adapter = LoraModules.Attach(model, Variant("plain") with { TargetModule = ["second"] });

        LoraException exception = Assert.Throws<LoraException>(adapter.Merge);

        Assert.Contains("'first'", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_merged_adapter_is_not_switched_and_disposing_unmerges_it()
    {
        using OwnModel model = new();
        byte[] bytes = model.Bytes();
        AttachedLora adapter = LoraModules.Attach(model, Variant("plain") with { TargetModule = ["linear"] });
        Disturb(adapter);
        adapter.Merge();

        Assert.Throws<InvalidOperationException>(() => adapter.IsEnabled = false);
        Assert.NotEqual(bytes, model.Bytes());
        adapter.Dispose();
        Assert.Equal(bytes, model.Bytes());
    }

    internal static LoraConfig Variant(string name) => new()
    {
        Rank = 2,
        Alpha = 4,
        FanInFanOut = true,
        UseDora = name.StartsWith("dora", StringComparison.Ordinal),
        UseRsLora = name == "rslora",
        UseLoraBias = name == "lora_bias",
        Bias = name == "bias" ? LoraBias.All : LoraBias.None,
        ModulesToSave = name == "saved" ? ["norm"] : null,
        Initialization = name.Split(' ')[^1] is "pissa" or "olora" ? name.Split(' ')[^1] : "true",
    };

    /// <summary>Moves every trained value away from its start.</summary>
    internal static void Disturb(AttachedLora adapter)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        using Generator generator = new(7, CPU);
        foreach (Parameter parameter in adapter.Parameters)
        {
            parameter.Add(randn(parameter.shape, generator: generator), 0.2);
        }
    }
}
