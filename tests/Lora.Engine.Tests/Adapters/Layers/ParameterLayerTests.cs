using System.Text.Json;
using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Adapters;

/// <summary>Adapters of parameters against PEFT's runs on the same small mixtures: outputs, gradients, changes of the weights, and the names of the tensors.</summary>
public sealed class ParameterLayerTests
{
    public static TheoryData<string> Cases =>
        ["gptoss_both", "gptoss_down_only", "llama4_both", "qwen3moe_both", "qwen3moe_modules_patterns", "qwen3moe_per_layer", "qwen3moe_rslora", "param_2d"];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Output_gradients_and_merged_weights_are_those_of_PEFT(string name)
    {
        using Case golden = new(name);
        using AttachedLora attached = LoraModules.Load(golden.Model, golden.Adapter);

        Tensor output = golden.Model.call(golden.Data["x"]);
        Tensor loss = (output * golden.Data["c"]).sum().Times(1.0 / golden.Data["x"].shape[0]);
        loss.backward();
        attached.GatherGradients();

        Assert.True(Closeness.Largest(output, golden.Data["out"]) <= golden.Tolerance("out_abs"));
        Assert.Equal(golden.Run.GetProperty("loss").GetDouble(), loss.ToDouble(), golden.Tolerance("loss_abs"));
        LoraAdapter trained = attached.ToAdapter();
        foreach ((TorchSharp.Modules.Parameter parameter, TensorData tensor) in attached.Parameters.Zip(trained.Tensors))
        {
            Tensor expected = golden.Data["grad/" + tensor.Name];
            Assert.True(Closeness.Largest(parameter.grad!, expected) <= golden.Tolerance("grad_rel_to_tensor_max") * expected.abs().max().ToDouble(), tensor.Name);
        }

        attached.Merge();
        Assert.True(Closeness.Largest(golden.Model.call(golden.Data["x"]), golden.Data["merged_out"]) <= golden.Tolerance("out_abs"));
        attached.Unmerge();
        attached.IsEnabled = false;
        Assert.True(Closeness.Largest(golden.Model.call(golden.Data["x"]), golden.Data["base_out"]) <= golden.Tolerance("out_abs"));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_tensors_are_named_and_shaped_as_PEFT_saves_them(string name)
    {
        using Case golden = new(name);
        using AttachedLora attached = LoraModules.Attach(golden.Model, golden.Adapter.Config with { Initialization = "true" });

        LoraAdapter made = attached.ToAdapter();

        Assert.Equal(
            golden.Run.GetProperty("saved").EnumerateObject().Select(entry => $"{entry.Name} {entry.Value}").Order(),
            made.Tensors.Select(tensor => $"{tensor.Name} [{string.Join(',', tensor.Shape)}]").Order());
        Assert.Equal(golden.Adapter.Config.TargetParameter!, made.Config.TargetParameter!);
        IEnumerable<string> targeted = golden.Run.GetProperty("targeted_parameter_names").EnumerateArray().Concat(golden.Run.GetProperty("targeted_module_names").EnumerateArray()).Select(entry => entry.GetString()!);
        Assert.Equal(targeted.Select(target => target.EndsWith(".weight", StringComparison.Ordinal) ? target[..^".weight".Length] : target).Order(), attached.Modules.Order());
    }

    [Fact]
    public void It_begins_as_in_PEFT_and_leaves_the_model_as_it_was()
    {
        using Case golden = new("qwen3moe_both");
        byte[] before = Bytes(golden.Model);
        AttachedLora attached = LoraModules.Attach(golden.Model, golden.Adapter.Config with { Initialization = "true", Rank = 4 }, seed: 3);

        Dictionary<string, Tensor> values = attached.ToAdapter().Tensors.ToDictionary(tensor => tensor.Name, AdapterTensors.Read);
        Tensor output = golden.Model.call(golden.Data["x"]);
        attached.Dispose();

        Assert.All(values.Where(value => value.Key.EndsWith("lora_B.weight", StringComparison.Ordinal)), value => Assert.Equal(0, value.Value.abs().max().ToDouble()));
        foreach ((string key, Tensor down) in values.Where(value => value.Key.EndsWith("lora_A.weight", StringComparison.Ordinal)))
        {
            double bound = 1 / Math.Sqrt(down.shape[1]); // PEFT's kaiming_uniform(a=sqrt 5) over [r * E, in]
            Assert.InRange(down.abs().max().ToDouble(), 0.8 * bound, bound);
        }

        Assert.True(Closeness.Largest(output, golden.Data["base_out"]) <= golden.Tolerance("out_abs"));
        Assert.Equal(before, Bytes(golden.Model));
        Assert.All(golden.Model.parameters(), parameter => Assert.True(parameter.requires_grad));
    }

    [Fact]
    public void Two_adapters_of_one_parameter_add_up_and_each_gets_its_own_gradient()
    {
        using Case golden = new("qwen3moe_both");
        using AttachedLora first = LoraModules.Load(golden.Model, golden.Adapter);
        using AttachedLora second = LoraModules.Load(golden.Model, golden.Adapter);
        Tensor both = golden.Model.call(golden.Data["x"]).detach();
        first.Dispose();
        LoraAdapter doubled = new() { Config = golden.Adapter.Config with { Alpha = 2 * golden.Adapter.Config.Alpha }, Tensors = golden.Adapter.Tensors };
        second.Dispose();
        using AttachedLora one = LoraModules.Load(golden.Model, doubled);

        Assert.True(Closeness.Largest(golden.Model.call(golden.Data["x"]), both) <= golden.Tolerance("out_abs"));
    }

    [Fact]
    public void Merged_into_the_weights_it_is_in_the_way_of_one_that_is_on()
    {
        using Case golden = new("qwen3moe_both");
        using AttachedLora first = LoraModules.Load(golden.Model, golden.Adapter);
        using AttachedLora second = LoraModules.Load(golden.Model, golden.Adapter);

        LoraException failure = Assert.Throws<LoraException>(first.Merge);

        Assert.Equal(LoraError.AdapterConflict, failure.Error);
        Assert.Contains("experts.gate_up_proj", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Training_steps_lower_the_loss()
    {
        using Case golden = new("gptoss_both");
        using AttachedLora attached = LoraModules.Attach(golden.Model, golden.Adapter.Config with { Initialization = "true" });
        using optim.Optimizer optimizer = optim.SGD(attached.Parameters, 0.005);
        List<double> losses = [];
        for (int step = 0; step < 30; step++)
        {
            using DisposeScope scope = NewDisposeScope();
            attached.Parameters.ToList().ForEach(parameter => parameter.grad!.zero_());
            Tensor loss = (golden.Model.call(golden.Data["x"]) * golden.Data["c"]).sum().Times(1.0 / 7);
            loss.backward();
            attached.GatherGradients();
            optimizer.step();
            losses.Add(loss.ToDouble());
        }

        Assert.True(losses[^1] < losses[0] - 0.1, $"{losses[0]} -> {losses[^1]}");
    }

    private static byte[] Bytes(nn.Module model) => [.. model.parameters().SelectMany(parameter => parameter.detach().contiguous().bytes.ToArray())];

    /// <summary>A reference run with the model that it is on.</summary>
    private sealed class Case : IDisposable
    {
        private readonly DisposeScope scope = NewDisposeScope();
        private readonly JsonDocument document;

        public Case(string name)
        {
            string folder = Repository.Shared("golden2", "target_parameters", name);
            document = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "run.json")));
            Data = new(Path.Combine(folder, "data.safetensors"));
            Adapter = AdapterFolder.Load(folder);
            Model = new(Run.GetProperty("tree"), new(Path.Combine(folder, "model.safetensors")));
        }

        public MixtureModel Model { get; }

        public LoraAdapter Adapter { get; }

        public GoldenTensors Data { get; }

        public JsonElement Run => document.RootElement;

        public double Tolerance(string name) => Run.GetProperty("suggested_tolerance").GetProperty(name).GetDouble();

        public void Dispose()
        {
            Model.Dispose();
            scope.Dispose();
            document.Dispose();
        }
    }
}
