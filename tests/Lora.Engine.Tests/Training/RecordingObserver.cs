namespace Lora.Tests.Training;

/// <summary>Keeps what a run says.</summary>
internal sealed class RecordingObserver(Action<LoraTrainingStep>? onStep = null, Action<string>? onStage = null) : ITrainingObserver
{
    public List<string> Stages { get; } = [];

    public List<string> Warnings { get; } = [];

    public List<LoraException> Failures { get; } = [];

    public List<LoraTrainingStep> Steps { get; } = [];

    public List<WorkProgress> Progress { get; } = [];

    public List<string> Written { get; } = [];

    public void Report(WorkProgress value) => Progress.Add(value);

    public void OnWritten(string folder, int ofStep) => Written.Add(folder);

    public void OnStage(string text)
    {
        Stages.Add(text);
        onStage?.Invoke(text);
    }

    public void OnWarning(string text) => Warnings.Add(text);

    public void OnFailure(LoraException failure) => Failures.Add(failure);

    public void OnStep(LoraTrainingStep done)
    {
        Steps.Add(done);
        onStep?.Invoke(done);
    }
}
