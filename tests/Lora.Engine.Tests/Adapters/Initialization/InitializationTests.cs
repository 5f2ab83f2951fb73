using System.Text.Json;
using Lora.Adapters;
using Lora.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Adapters;

/// <summary>Starts are compared with those that PEFT made on stories260K where they are determined, and with their definitions elsewhere.</summary>
public class InitializationTests
{
    // QR and SVD of another library build: single directions are determined to about the rounding over the gaps between values.
    private const double FactorTolerance = 2e-3;
    private const double ProductTolerance = 1e-4;

    [Theory]
    [InlineData("olora")]
    [InlineData("pissa")]
    public void Starts_that_the_weights_decide_are_PEFT_s_up_to_the_sign_of_each_direction(string name)
    {
        string folder = Repository.Shared("golden", name);
        using DisposeScope scope = NewDisposeScope();
        using JsonDocument run = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "run.json")));
        GoldenTensors start = new(Path.Combine(folder, "adapter_init.safetensors"));
        using CausalLanguageModel model = ModelLoader.Load(Repository.Shared("models", "stories260K"), CPU, ScalarType.Float32);
        LoraConfig config = GoldenAdapter.ConfigOf(run.RootElement.GetProperty("lora_config"), start);
        using AttachedAdapter adapter = new(model, config, [.. GoldenAdapter.Targets(config, start)], CPU, seed: 1);
        using IDisposable noGradient = no_grad();

        foreach (TrainableParameter[] pair in adapter.Arena.Parameters.Chunk(2)) // A, B
        {
            Tensor down = start[pair[0].Key];
            Tensor up = start[pair[1].Key];
            Tensor signs = (pair[0].Value * down).sum(1).sign(); // [rank]
            Assert.InRange(Closeness.Relative(pair[0].Value * signs.unsqueeze(1), down), 0, FactorTolerance);
            Assert.InRange(Closeness.Relative(pair[1].Value * signs, up), 0, FactorTolerance);
            Assert.InRange(Closeness.Relative(pair[1].Value.mm(pair[0].Value), up.mm(down)), 0, ProductTolerance);
        }
    }

    [Theory]
    [InlineData("true")]
    [InlineData("gaussian")]
    [InlineData("pissa")]
    [InlineData("pissa_niter_4")]
    [InlineData("olora")]
    public void Training_starts_at_the_base_model_bit_for_bit(string name)
    {
        using DisposeScope scope = NewDisposeScope();
        using OwnModel model = new();
        using IDisposable noGradient = no_grad();
        byte[] expected = model.call(OwnModel.Input()).bytes.ToArray();

        using AttachedLora adapter = LoraModules.Attach(model, Config(name));

        Assert.Equal(expected, model.call(OwnModel.Input()).bytes.ToArray());
    }

    [Fact]
    public void DoRA_and_orthogonal_start_at_the_base_model_up_to_rounding()
    {
        using DisposeScope scope = NewDisposeScope();
        using OwnModel model = new();
        using IDisposable noGradient = no_grad();
        Tensor expected = model.call(OwnModel.Input());

        foreach (LoraConfig config in new[] { Config("orthogonal"), Config("true") with { UseDora = true }, Config("pissa") with { UseDora = true } })
        {
            using AttachedLora adapter = LoraModules.Attach(model, config);
            Assert.InRange(Closeness.Relative(model.call(OwnModel.Input()), expected), 0, 1e-5);
        }
    }

    [Theory]
    [InlineData("pissa")]
    [InlineData("pissa_niter_4")]
    [InlineData("olora")]
    [InlineData("olora rslora")]
    [InlineData("pissa dora")]
    [InlineData("true")]
    public void An_exported_adapter_does_on_the_unchanged_base_what_it_did_in_training(string name)
    {
        using DisposeScope scope = NewDisposeScope();
        using OwnModel model = new();
        using IDisposable noGradient = no_grad();
        LoraConfig config = Config(name.Split(' ')[0]) with
        {
            UseRsLora = name.EndsWith("rslora", StringComparison.Ordinal),
            UseDora = name.EndsWith("dora", StringComparison.Ordinal),
            RankPattern = [new() { Pattern = "linear", Value = 1 }],
            AlphaPattern = [new() { Pattern = "dilated", Value = 3 }],
        };
        LoraAdapter exported;
        Tensor trained;
        using (AttachedLora adapter = LoraModules.Attach(model, config))
        {
            MergeTests.Disturb(adapter);
            trained = model.call(OwnModel.Input());
            exported = adapter.ToAdapter();
        }

        Assert.Equal("true", exported.Config.Initialization);
        Assert.Empty(AdapterWeightRules.Check(exported.Config, exported.Tensors, name));
        using AttachedLora loaded = LoraModules.Load(model, exported);
        Assert.InRange(Closeness.Relative(model.call(OwnModel.Input()), trained), 0, 1e-5);
    }

    [Fact]
    public void Orthogonal_factors_are_nonzero_and_multiply_to_nothing()
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor down, Tensor up) = Filled("orthogonal", 8, zeros(40, 50, device: CPU));

        Assert.InRange((up.mm(down).norm() / (up.norm() * down.norm())).ToDouble(), 0, 1e-6);
        Assert.True(up.norm().ToDouble() > 0.1 && down.norm().ToDouble() > 0.1);
    }

    [Fact]
    public void The_randomised_decomposition_comes_to_the_exact_one()
    {
        using DisposeScope scope = NewDisposeScope();
        using Generator generator = new(4, CPU);
        Tensor weight = randn(40, 50, generator: generator);

        (Tensor exactDown, Tensor exactUp) = Filled("pissa", 4, weight);
        (Tensor down, Tensor up) = Filled("pissa_niter_60", 4, weight);

        Assert.InRange(Closeness.Relative(up.mm(down), exactUp.mm(exactDown)), 0, 1e-2);
    }

    [Fact]
    public void Random_starts_have_the_spread_that_they_are_named_for()
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor gaussian, Tensor zero) = Filled("gaussian", 8, zeros(40, 4000, device: CPU));
        (Tensor uniform, _) = Filled("true", 8, zeros(40, 4000, device: CPU));
        double bound = 1 / Math.Sqrt(4000);

        Assert.InRange(gaussian.std().ToDouble(), 0.97 / 8, 1.03 / 8); // 32000 values: five standard errors are 2 %
        Assert.Equal(0, zero.abs().max().ToDouble());
        Assert.InRange(uniform.abs().max().ToDouble(), 0.99 * bound, bound);
        Assert.InRange(uniform.std().ToDouble(), 0.97 * bound / Math.Sqrt(3), 1.03 * bound / Math.Sqrt(3));
    }

    private static LoraConfig Config(string initialization) => new()
    {
        Rank = 2,
        Alpha = 4,
        FanInFanOut = true,
        TargetModule = OwnModel.Adaptable,
        Initialization = initialization,
    };

    private static (Tensor Down, Tensor Up) Filled(string name, int rank, Tensor weight)
    {
        Tensor down = zeros(rank, weight.shape[1], device: CPU);
        Tensor up = zeros(weight.shape[0], rank, device: CPU);
        LoraInitialization.Of(name).Fill(down, up, () => weight, 2, new Generator(3, CPU));
        return (down, up);
    }
}
