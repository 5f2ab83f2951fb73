using System.Management.Automation;

namespace Lora.Commands;

/// <summary>What a worker has to say; written by the pipeline's thread, the only one that may.</summary>
internal abstract record PipelineRecord
{
    /// <summary>An output object, by itself or of a stream of many.</summary>
    public sealed record Output(object Value, bool IsOfMany = false) : PipelineRecord;

    /// <summary>A failure that does not end the work, and what the work came to all the same: the target of the error, so that a script that catches it has it.</summary>
    public sealed record Failure(LoraException Exception, object? Result = null) : PipelineRecord;

    /// <summary>A surprising consequence.</summary>
    public sealed record Warning(string Text) : PipelineRecord;

    /// <summary>What happens.</summary>
    public sealed record Verbose(string Text) : PipelineRecord;

    /// <summary>Text of a conversation with who sits at the host, on no stream.</summary>
    public sealed record Said(string Text) : PipelineRecord;

    /// <summary>How far the work is.</summary>
    public sealed record Progress(ProgressRecord Value) : PipelineRecord;
}
