using Lora.Native;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Tests.Adapters;

/// <summary>Several adapters on one model add up, whatever is switched, merged or taken off in which order.</summary>
public class AdaptedModuleTests
{
    private const double Tolerance = 1e-5;

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void The_output_is_the_base_plus_the_sum_of_the_changes(bool firstIsDora, bool secondIsDora)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        using Linear linear = nn.Linear(9, 7);
        using Sequential model = nn.Sequential(("linear", linear));
        Tensor input = randn(5, 9);
        using AttachedLora first = Attach(model, 2, 8, firstIsDora);
        using AttachedLora second = Attach(model, 3, 3, secondIsDora);

        Tensor weight = Exact(linear.weight!);
        Tensor sum = weight.Plus(Change(weight, first, scaling: 4, firstIsDora)).Plus(Change(weight, second, scaling: 1, secondIsDora));
        Tensor expected = Exact(input).mm(sum.t()).Plus(Exact(linear.bias!));

        Assert.InRange(Closeness.Relative(model.call(input), expected), 0, Tolerance);
        first.Merge();
        Assert.InRange(Closeness.Relative(model.call(input), expected), 0, Tolerance);
        second.Merge();
        Assert.InRange(Closeness.Relative(model.call(input), expected), 0, Tolerance);
        Assert.InRange(Closeness.Relative(linear.weight!, sum), 0, Tolerance);
        first.Unmerge();
        Assert.InRange(Closeness.Relative(model.call(input), expected), 0, Tolerance);
    }

    [Fact]
    public void The_order_of_switching_does_not_matter_and_off_is_the_base_bit_for_bit()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        using OwnModel model = new(dtype: ScalarType.BFloat16);
        byte[] plain = Output(model);
        AttachedLora[] adapters = [.. new[] { "plain", "dora", "rslora" }.Select(variant => Attach(model, variant))];
        byte[] all = Output(model);
        byte[] alone = Alone(adapters[1]);

        foreach (int index in new[] { 1, 0, 2 })
        {
            adapters[index].IsEnabled = false;
        }

        Assert.Equal(plain, Output(model));
        foreach (int index in new[] { 2, 1, 0 })
        {
            adapters[index].IsEnabled = true;
        }

        Assert.Equal(all, Output(model));
        Assert.Equal(alone, Alone(adapters[1]));
        Array.ForEach(adapters, adapter => adapter.Dispose());
        Assert.Equal(plain, Output(model));

        byte[] Alone(AttachedLora one)
        {
            Array.ForEach(adapters, adapter => adapter.IsEnabled = adapter == one);
            byte[] output = Output(model);
            Array.ForEach(adapters, adapter => adapter.IsEnabled = true);
            return output;
        }
    }

    [Theory]
    [InlineData(0, 1, 2)]
    [InlineData(2, 1, 0)]
    [InlineData(1, 2, 0)]
    public void Adapters_come_off_in_any_order_merged_or_not_and_leave_the_others(int first, int second, int third)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        using OwnModel model = new();
        byte[] bytes = model.Bytes();
        byte[] plain = Output(model);
        AttachedLora[] adapters = [Attach(model, "saved"), Attach(model, "plain"), Attach(model, "dora")];
        adapters[1].Merge();
        adapters[2].Merge();

        adapters[first].Dispose();
        adapters[second].Dispose();
        Array.ForEach([first, second], index => adapters[index] = Attach(model, index == 0 ? "saved" : "plain"));
        Array.ForEach([first, second], index => adapters[index].Dispose());
        Assert.NotEqual(plain, Output(model));
        adapters[third].Dispose();

        Assert.Equal(plain, Output(model));
        Assert.Equal(bytes, model.Bytes());
        Assert.All(model.parameters(), parameter => Assert.True(parameter.requires_grad));
    }

    [Fact]
    public void Taking_one_of_two_merged_adapters_out_leaves_what_the_other_alone_amounts_to()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        using OwnModel model = new(dtype: ScalarType.BFloat16);
        using AttachedLora second = Attach(model, "rslora");
        second.Merge();
        byte[] alone = model.Bytes();
        second.Unmerge();
        using AttachedLora first = Attach(model, "dora");

        first.Merge();
        second.Merge();
        first.Unmerge();
        first.IsEnabled = false;

        Assert.Equal(alone, model.Bytes());
    }

    [Fact]
    public void A_start_taken_from_the_base_s_weights_does_not_see_what_is_merged()
    {
        using DisposeScope scope = NewDisposeScope();
        using OwnModel model = new();
        LoraConfig config = MergeTests.Variant("pissa") with { TargetModule = ["linear"], ModulesToSave = ["norm"] };
        byte[] alone = Start();
        using AttachedLora other = Attach(model, "plain");
        other.Merge();

        Assert.Equal(alone, Start());

        byte[] Start()
        {
            using AttachedLora adapter = LoraModules.Attach(model, config);
            return [.. adapter.Parameters.SelectMany(parameter => parameter.detach().bytes.ToArray())];
        }
    }

    [Fact]
    public void Single_modules_are_switched_and_merged_by_their_names()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        using OwnModel model = new();
        using AttachedLora both = Attach(model, "plain", "linear", "transposed");
        byte[] whole = Output(model);
        both.ActiveModules = ["linear"];
        byte[] one = Output(model);

        using (AttachedLora single = LoraModules.Attach(model, both.ToAdapter().Config with { TargetModule = ["linear"] }))
        {
            both.Parameters.TakeLast(2).Zip(single.Parameters).ToList().ForEach(pair => pair.Second.copy_(pair.First));
            both.IsEnabled = false;
            Assert.Equal(one, Output(model));
        }

        byte[] weight = model.get_parameter("transposed.weight")!.bytes.ToArray();
        both.Merge();
        Assert.Equal(weight, model.get_parameter("transposed.weight")!.bytes.ToArray());
        both.Unmerge();
        both.ActiveModules = both.Modules;
        Assert.Equal(whole, Output(model));
        Assert.Equal(LoraError.TargetNotFound, Assert.Throws<LoraException>(() => both.ActiveModules = ["norm"]).Error);
        Assert.Equal(whole, Output(model));
    }

    [Fact]
    public void An_adapter_that_is_on_is_no_module_of_the_model()
    {
        using OwnModel model = new();
        string[] names = [.. model.named_modules().Select(entry => entry.name)];
        using AttachedLora first = LoraModules.Attach(model, MergeTests.Variant("saved") with { TargetPattern = ".*(linear|table)" });
        using AttachedLora second = LoraModules.Attach(model, MergeTests.Variant("dora") with { TargetPattern = ".*(linear|table)" });

        Assert.Equal(names, model.named_modules().Select(entry => entry.name));
        Assert.Equal(["table", "linear"], second.Modules);
    }

    [Fact]
    public void One_adapter_is_trained_while_another_is_on()
    {
        using DisposeScope scope = NewDisposeScope();
        using OwnModel model = new();
        using AttachedLora other = Attach(model, "saved");
        using AttachedLora trained = Attach(model, "plain");
        byte[] before = Values(other);
        using optim.Optimizer optimizer = optim.AdamW(trained.Parameters, lr: 0.02);
        double first = Step();
        double last = Enumerable.Range(0, 10).Select(_ => Step()).Last();

        Assert.True(last < 0.99 * first, $"{first} became {last}");
        Assert.Equal(before, Values(other));
        Assert.True(model.get_parameter("norm.weight")!.requires_grad);

        double Step()
        {
            using DisposeScope step = NewDisposeScope();
            optimizer.zero_grad();
            Tensor loss = nn.functional.mse_loss(model.call(OwnModel.Input()), ones(5, 7));
            loss.backward();
            optimizer.step();
            return loss.ToDouble();
        }

        static byte[] Values(AttachedLora adapter) => [.. adapter.Parameters.SelectMany(parameter => parameter.detach().bytes.ToArray())];
    }

    private static Tensor Change(Tensor weight, AttachedLora adapter, double scaling, bool isDora)
    {
        Tensor product = Exact(adapter.Parameters[1]).mm(Exact(adapter.Parameters[0])).Times(scaling);
        if (!isDora)
        {
            return product;
        }

        Tensor direction = weight.Plus(product);
        Tensor scale = Exact(adapter.Parameters[2]) / (direction * direction).sum(1).sqrt();
        return (scale.unsqueeze(1) * direction) - weight;
    }

    private static Tensor Exact(Tensor tensor) => tensor.detach().to(ScalarType.Float64);

    private static AttachedLora Attach(Sequential model, int rank, double alpha, bool isDora)
    {
        AttachedLora adapter = LoraModules.Attach(model, new() { TargetModule = ["linear"], Rank = rank, Alpha = alpha, UseDora = isDora });
        MergeTests.Disturb(adapter);
        return adapter;
    }

    private static AttachedLora Attach(OwnModel model, string variant, params string[] modules)
    {
        AttachedLora adapter = LoraModules.Attach(model, MergeTests.Variant(variant) with { TargetModule = modules.Length == 0 ? OwnModel.Adaptable : modules });
        MergeTests.Disturb(adapter);
        return adapter;
    }

    private static byte[] Output(OwnModel model)
    {
        using DisposeScope scope = NewDisposeScope();
        return model.call(OwnModel.Input()).bytes.ToArray();
    }
}
