using System.Collections.Concurrent;

namespace Lora.Tests.Runtime;

/// <summary>Keeps what was said while a runtime was installed.</summary>
internal sealed class Notes : IRunObserver
{
    public ConcurrentQueue<string> Stages { get; } = [];

    public ConcurrentQueue<string> Warnings { get; } = [];

    public ConcurrentQueue<WorkProgress> Progress { get; } = [];

    /// <summary>Called with each progress.</summary>
    public Action<WorkProgress>? OnProgress { get; init; }

    public void OnStage(string text) => Stages.Enqueue(text);

    public void OnWarning(string text) => Warnings.Enqueue(text);

    public void OnFailure(LoraException failure) => throw failure;

    public void Report(WorkProgress value)
    {
        Progress.Enqueue(value);
        OnProgress?.Invoke(value);
    }
}
