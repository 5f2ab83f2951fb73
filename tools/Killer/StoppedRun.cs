using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Lora.Checkpoints;
using Lora.Export;
using Lora.Training;

namespace Lora.Tools.Killer;

/// <summary>
/// A run that is given Ctrl+C in a stage of its own choice, as the system sends it, and says how much of the processor's time it took to end after that:
/// on a busy machine the clock on the wall says more of the others.
/// </summary>
internal static class StoppedRun
{
    /// <summary>The stage of a merge, where the others are a training's.</summary>
    public const string Export = "Writing";

    /// <summary>The stage in which prompts are continued, of which there are many then.</summary>
    public const string Prompts = "Continuing";

    /// <summary>What the line begins with that says the milliseconds.</summary>
    public const string Stopped = "stopped ";

    /// <summary>Trains, or merges, without an end of its own until the stage comes.</summary>
    /// <param name="stage">What the stage's name begins with.</param>
    /// <param name="model">The model's folder.</param>
    /// <param name="rows">What is learned and evaluated on.</param>
    /// <param name="output">Where the merged model would be.</param>
    /// <returns>0 when it was stopped.</returns>
    public static int Run(string stage, string model, string rows, string output)
    {
        using CancellationTokenSource cancellation = new();
        TimeSpan signalled = TimeSpan.Zero;
        using PosixSignalRegistration registration = PosixSignalRegistration.Create(PosixSignal.SIGINT, context =>
        {
            context.Cancel = true; // as PowerShell does: the pipeline ends, and not the process
            signalled = Used();
            cancellation.Cancel();
        });
        LoraConfig config = new() { Model = model, Rank = 8, TargetModule = ["q_proj", "up_proj", "down_proj"] };
        Observer observer = new(stage);
        try
        {
            if (stage == Export)
            {
                ModelMerge.Write(Adapter(config), model, output, new() { Thread = 1 }, observer, cancellation.Token);
            }
            else
            {
                string[] prompts = stage == Prompts ? [.. Enumerable.Repeat("The fox", 10_000)] : [];
                TrainingOptions options = new() { MaxStep = int.MaxValue, Thread = 1, Device = "cpu", Quantization = LoraQuantization.NF4, Prompt = prompts };
                using TrainingSession session = new();
                session.Train(config, new(rows, rows), options, observer, cancellation.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // That was the purpose; a training that has done steps ends with its result.
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Stopped}{(Used() - signalled).TotalMilliseconds:F0}"));
        return cancellation.IsCancellationRequested ? 0 : 1;
    }

    private static TimeSpan Used()
    {
        using Process self = Process.GetCurrentProcess();
        return self.TotalProcessorTime;
    }

    /// <summary>An adapter of zeros on the model's modules.</summary>
    private static LoraAdapter Adapter(LoraConfig config) => new()
    {
        Config = config,
        Tensors = [.. from module in ModuleTree.Read(config.Model!).Modules
                      where config.TargetModule!.Contains(module.Role)
                      from factor in new[] { (Name: "lora_A", Shape: new[] { config.Rank, module.InFeatures!.Value }), (Name: "lora_B", Shape: new[] { module.OutFeatures!.Value, config.Rank }) }
                      select new TensorData(
                          $"base_model.model.{module.Name}.{factor.Name}.weight", TensorDataType.F32, factor.Shape, new byte[4 * factor.Shape[0] * factor.Shape[1]])],
    };

    private sealed class Observer(string stage) : ITrainingObserver
    {
        private bool sent;

        public void Report(WorkProgress value)
        {
            if (!sent && value.Done > 0 && value.Stage.StartsWith(stage, StringComparison.Ordinal))
            {
                sent = true;
                using Process kill = Process.Start("kill", ["-INT", Environment.ProcessId.ToString(CultureInfo.InvariantCulture)]);
                kill.WaitForExit();
            }
        }

        public void OnStage(string text)
        {
        }

        public void OnStep(LoraTrainingStep done)
        {
        }

        public void OnWritten(string folder, int step)
        {
        }

        public void OnWarning(string text) => Console.WriteLine(text);

        public void OnFailure(LoraException failure) => throw failure;
    }
}
