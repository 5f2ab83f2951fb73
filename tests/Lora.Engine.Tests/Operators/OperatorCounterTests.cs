using Lora.Native;
using Lora.Tools.Operators;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Operators;

/// <summary>The counter that holds a step's budget, on sequences whose operators are known, on tensors with values and on META.</summary>
public class OperatorCounterTests
{
    public static TheoryData<string> Devices => ["cpu", "meta"];

    public OperatorCounterTests() => Assert.SkipUnless(OperatorCounter.IsSupported, OperatorCounter.Reason ?? "");

    [Theory, MemberData(nameof(Devices))]
    public void Each_operator_that_launches_work_is_counted_once_and_in_order(string device)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = empty([4, 8], device: new Device(device));
        Tensor weight = empty([3, 8], device: new Device(device));
        Tensor bias = empty([3], device: new Device(device));

        string[] names = Names(() =>
        {
            nn.functional.linear(x, weight, bias); // addmm with a view of the weight
            x.matmul(weight.t()); // mm
            x.Add(x);
            x.mul(Dispatcher.Call("aten::sigmoid", "", x));
            x.to(ScalarType.BFloat16); // copy_ into new memory
            zeros_like(x);
            x.softmax(1);
            x.sum(1);
        });

        Assert.Equal(["aten::addmm", "aten::mm", "aten::add_", "aten::sigmoid", "aten::mul", "aten::copy_", "aten::zeros_like", "aten::_softmax", "aten::sum"], names);
    }

    [Theory, MemberData(nameof(Devices))]
    public void Views_allocations_and_what_finds_nothing_to_do_are_not_counted(string device)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = empty([4, 8], device: new Device(device));

        Assert.Empty(Names(() =>
        {
            x.view(8, 4).narrow(0, 1, 2).transpose(0, 1).unsqueeze(0).expand(2, 4, 2).detach();
            x.t().reshape(8, 4).squeeze();
            x.slice(0, 0, 2, 1).contiguous();
            x.to(ScalarType.Float32);
            empty_like(x);
            x.split(2);
        }));
    }

    [Theory, MemberData(nameof(Devices))]
    public void A_copy_that_a_reshape_needs_is_counted(string device)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = empty([4, 8], device: new Device(device));

        Assert.Equal(["aten::copy_", "aten::copy_"], Names(() =>
        {
            x.t().contiguous();
            x.transpose(0, 1).reshape(4, 8);
        }));
    }

    [Theory, MemberData(nameof(Devices))]
    public void Shapes_types_and_bytes_are_those_of_the_tensors(string device)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = empty([4, 8], dtype: ScalarType.BFloat16, device: new Device(device));
        Tensor row = empty([1, 8], dtype: ScalarType.BFloat16, device: new Device(device)).expand(4, 8);

        IReadOnlyList<LaunchedOperator> launched = OperatorCounter.During(() =>
        {
            x.Add(row);
            cat([x, x, x], 1);
        });

        LaunchedOperator sum = launched[0];
        Assert.Equal([4, 8], sum.Inputs[0].Shape);
        Assert.Equal(ScalarType.BFloat16, sum.Inputs[0].Type);
        Assert.Equal([64L, 16], sum.Inputs.Select(tensor => tensor.Bytes)); // an expanded row lies there once
        Assert.Equal(32, sum.Inputs[1].Elements);
        Assert.Equal(sum.Inputs[0].Identity, sum.Outputs.Single().Identity); // in place
        Assert.Equal("aten::cat", launched[1].Name);
        Assert.Equal(3, launched[1].Inputs.Count);
        Assert.Equal([4, 24], launched[1].Outputs.Single().Shape);
    }

    [Fact]
    public void A_backward_pass_of_autograd_is_counted_too()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = ones([4, 8], device: CPU);
        Tensor weight = ones([8, 8], device: CPU).requires_grad_();

        Assert.Equal(["aten::mm", "aten::sum", "aten::ones_like", "aten::mm"], Names(() => x.mm(weight).sum().backward()));
    }

    [Fact]
    public void A_value_that_is_read_back_is_counted_by_name()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = ones([4], device: CPU);

        Assert.Equal(["aten::sum", "aten::_local_scalar_dense"], Names(() => x.sum().ToDouble()));
    }

    [Fact]
    public void Nothing_is_counted_before_after_or_on_another_thread()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = ones([4], device: CPU);
        x.neg();

        Assert.Equal(["aten::neg"], Names(() =>
        {
            x.neg();
            Thread other = new(() => x.abs().Dispose());
            other.Start();
            other.Join();
        }));
        x.neg();
        Assert.Throws<InvalidOperationException>(() => OperatorCounter.During(() => OperatorCounter.During(() => { })));
        Assert.Empty(Names(() => { }));
    }

    [Fact]
    public void An_operator_that_refuses_its_arguments_ends_the_count_by_its_exception_alone()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = ones([4, 8], device: CPU);

        Assert.ThrowsAny<Exception>(() => OperatorCounter.During(() => x.mm(x)));
        Assert.Equal(["aten::neg"], Names(() => x.neg()));
    }

    private static string[] Names(Action work) => [.. OperatorCounter.During(work).Select(launched => launched.Name)];
}
