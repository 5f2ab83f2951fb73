using Lora.Models;
using Lora.Native;
using Lora.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tools.Fuzzer;

/// <summary>What reaches libtorch, which ends the process where it is given what it does not expect: a whole model, and a run that goes on from its state.</summary>
internal static class TorchReaders
{
    public static IReadOnlyList<Reader> All { get; } = [new("model", 12, Model), new("resume", 8, Resume)];

    private static OpenReader Model(string folder)
    {
        CheckpointReaders.CopyFamilies(folder);
        return new(CheckpointReaders.Configs(), input =>
        {
            TorchLibrary.Load();
            TorchMemoryFailure.Named(() =>
            {
                using IDisposable noGradient = no_grad();
                using DisposeScope scope = NewDisposeScope();
                using CausalLanguageModel model = ModelLoader.Load(Path.Combine(folder, Path.GetDirectoryName(input.File)!), CPU, ScalarType.Float32);
                return model.call(tensor([1L, 0, 1], [1, 3])).shape; // [1, 3, vocabulary]
            });
        });
    }

    private static OpenReader Resume(string folder)
    {
        // One value-heavy module of the last block: a run of it is over in a moment.
        LoraConfig config = new() { Model = RealFiles.Model, Rank = 1, TargetPattern = @"model\.layers\.3\.mlp\.down_proj", Dropout = 0.1 };
        TrainingData data = new(RealFiles.Rows);
        TrainingOptions options = new() { MaxStep = 2, BatchSize = 1, MaxLength = 16, OutputPath = folder, SaveStep = 1, Overwrite = true };
        TrainingSession session = new(); // lives as long as the process
        using CancellationTokenSource afterOneStep = new();
        session.Train(config, data, options, new Observer(afterOneStep.Cancel), afterOneStep.Token);
        string state = Path.Combine(folder, TrainingStateFile.Name);
        SafetensorsDamage damage = new(state);
        options = options with { Resume = true };
        return new(random => new(TrainingStateFile.Name, damage.Apply(random)), _ => session.Train(config, data, options, new Observer(() => { })));
    }

    /// <summary>A failure after the training is one all the same.</summary>
    private sealed class Observer(Action onStep) : ITrainingObserver
    {
        public void OnStage(string text)
        {
        }

        public void OnWarning(string text)
        {
        }

        public void OnWritten(string folder, int ofStep)
        {
        }

        public void Report(WorkProgress value)
        {
        }

        public void OnFailure(LoraException failure) => throw failure;

        public void OnStep(LoraTrainingStep done) => onStep();
    }
}
