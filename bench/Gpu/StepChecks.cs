using Lora.Data;
using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>The fused step of a small model: its gradients against autograd's there and against the processor's, its losses over fifty steps, twice the same.</summary>
internal static class StepChecks
{
    private const int Steps = 50;
    private const int StepsOfSlowTypes = 10; // a processor computes 16 bits slowly
    private const double Length = 2e-4; // of the first step, for each value that is trained

    // Gradients of the whole adapter, relative; losses of each of fifty steps, relative to the processor's in float32.
    private static readonly (ScalarType Type, double Gradients, double Losses, double Scale)[] Types =
        [(ScalarType.Float32, 1e-4, 1e-3, 1), (ScalarType.BFloat16, 5e-2, 2e-2, 1), (ScalarType.Float16, 2e-2, 5e-3, 4096)];

    /// <summary>Runs all of them.</summary>
    public static void Run(Findings findings, Device device)
    {
        findings.Begin("The step");
        using StepModel exact = new(ScalarType.Float32, Shapes.Tiny());
        Draw(exact);
        Batch batch = exact.Rows(5, 150, 1, 40);
        SupervisedRows rows = SupervisedRows.Of(batch);
        Tensor start = exact.Adapter.Arena.Values.clone();
        using Tensor expected = Gradients(exact, new ReferenceStep(exact.Model), batch, rows, 1);
        double rate = Length * Math.Sqrt(expected.numel()) / expected.norm().ToDouble();
        double[] losses = Losses(exact, batch, rows, Steps, rate, 1);
        foreach ((ScalarType type, double gradients, double difference, double scale) in Types)
        {
            findings.Try($"{type}", () =>
            {
                using StepModel model = new(type, Shapes.Tiny(), device: device);
                model.Adapter.Arena.Values.copy_(start);
                using Tensor found = Gradients(model, model.Fused(GpuBenchmark.Kernels(device, type)), batch, rows, scale);
                using Tensor again = Gradients(model, model.Fused(GpuBenchmark.Kernels(device, type)), batch, rows, scale);
                using Tensor graph = Gradients(model, new ReferenceStep(model.Model), batch, rows, scale);
                findings.Check($"fused gradients against the processor's by autograd in float32, {type}", KernelChecks.Distance(found, expected), gradients);
                findings.Check($"fused gradients against autograd's on the device, {type}", KernelChecks.Distance(found, graph), gradients);
                findings.Check($"gradients taken twice, values that differ, {type}", found.ne(again).sum().ToDouble(), 0);
                int steps = device.type == DeviceType.CUDA || type == ScalarType.Float32 ? Steps : StepsOfSlowTypes;
                double[] here = Losses(model, batch, rows, steps, rate, scale, GpuBenchmark.Kernels(device, type));
                findings.Check($"losses of {steps} steps against the processor's, {type}", here.Zip(losses, (left, right) => Math.Abs(left - right) / right).Max(), difference);
                findings.Check($"the last loss over the first, {type}", here[^1] / here[0], steps == Steps ? 0.99 : 0.998);
            });
        }
    }

    private static void Draw(StepModel model)
    {
        using IDisposable noGradient = no_grad();
        model.Adapter.Arena.Values.copy_(randn([model.Adapter.Arena.Count], device: CPU, generator: new Generator(3, CPU)).mul_(0.05));
    }

    private static Tensor Gradients(StepModel model, IStepEngine engine, Batch batch, SupervisedRows rows, double scale)
    {
        using IStepEngine owned = engine;
        model.Adapter.Arena.Gradients.zero_();
        engine.AddGradients(batch, rows, scale / rows.Count);
        using Tensor copy = model.Adapter.Arena.Gradients.cpu();
        return copy.to(ScalarType.Float64).Times(1 / scale);
    }

    /// <summary>The losses of plain gradient descent: a difference in a gradient stays one of its size, where AdamW would make it larger.</summary>
    private static double[] Losses(StepModel model, Batch batch, SupervisedRows rows, int steps, double rate, double scale, Kernels.IKernels? kernels = null)
    {
        using FusedStep step = model.Fused(kernels);
        using IDisposable noGradient = no_grad();
        List<double> losses = [];
        for (int done = 0; done < steps; done++)
        {
            using DisposeScope scope = NewDisposeScope();
            model.Adapter.Arena.Gradients.zero_();
            losses.Add(step.AddGradients(batch, rows, scale / rows.Count) / scale);
            model.Adapter.Arena.Values.Add(model.Adapter.Arena.Gradients, -rate / scale);
        }

        return [.. losses];
    }
}
