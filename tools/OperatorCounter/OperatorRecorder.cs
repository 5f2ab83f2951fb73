namespace Lora.Tools.Operators;

/// <summary>Decides of each operator that begins and ends whether it launched work itself.</summary>
internal sealed class OperatorRecorder
{
    // Views, allocations and questions: they change what is known of a tensor, not its values. Operators that are put together from others
    // stand here where they may find nothing to do, as contiguous of a contiguous tensor.
    private static readonly HashSet<string> Free =
    [
        .. Aten("empty empty_like empty_strided empty_permuted new_empty new_empty_strided resize_ resize_as_ set_ as_strided as_strided_ view"),
        .. Aten("view_as _unsafe_view reshape reshape_as _reshape_alias _reshape_copy slice narrow select t t_ transpose transpose_ permute movedim"),
        .. Aten("swapaxes swapdims numpy_T mT matrix_H expand expand_as broadcast_to squeeze squeeze_ unsqueeze unsqueeze_ flatten unflatten ravel"),
        .. Aten("detach detach_ alias unbind split split_with_sizes chunk tensor_split unfold diagonal view_as_real view_as_complex real lift lift_fresh"),
        .. Aten("contiguous to type_as data requires_grad_ set_data pin_memory is_pinned resolve_conj resolve_neg conj"),
        .. Aten("size stride sym_size sym_stride sym_numel sym_storage_offset numel dim result_type can_cast promote_types is_floating_point is_same_size"),
        .. Aten("dropout dropout_ feature_dropout is_nonzero item _has_compatible_shallow_copy_type _version is_leaf output_nr"),
        "detach", "detach_", // a step within aten::detach
    ];

    // One kernel on a card, although a CPU or META fills its result first or puts it together.
    private static readonly HashSet<string> Whole =
    [
        .. Aten("mm mv addmm addmm_ addmv addmv_ bmm baddbmm baddbmm_ addr addr_ dot"),
        .. Aten("sum mean prod amax amin max min argmax argmin any all var std norm linalg_vector_norm logsumexp cumsum"),
        .. Aten("_fused_rms_norm _fused_rms_norm_backward native_layer_norm native_layer_norm_backward native_dropout native_dropout_backward"),
        .. Aten("_softmax _softmax_backward_data _log_softmax _log_softmax_backward_data silu silu_backward gelu gelu_backward"),
        .. Aten("_efficient_attention_forward _efficient_attention_backward _flash_attention_forward _flash_attention_backward"),
        .. Aten("_cudnn_attention_forward _cudnn_attention_backward _scaled_dot_product_cudnn_attention _scaled_dot_product_cudnn_attention_backward"),
        .. Aten("_scaled_dot_product_flash_attention _scaled_dot_product_flash_attention_backward"),
        .. Aten("_scaled_dot_product_efficient_attention _scaled_dot_product_efficient_attention_backward"),
        .. Aten("_scaled_dot_product_flash_attention_for_cpu _scaled_dot_product_flash_attention_for_cpu_backward"),
        .. Aten("arange linspace full zeros ones eye zero_ fill_ full_like zeros_like ones_like new_zeros new_ones new_full scalar_tensor"),
        .. Aten("cat stack index_select index_add index_add_ index_copy index_copy_ index_put_ _index_put_impl_ gather scatter scatter_ embedding embedding_dense_backward"),
        .. Aten("nll_loss_forward nll_loss_backward where triu tril triu_ tril_ _fused_adamw_ _foreach_norm"),
        "mkldnn::_linear_pointwise",
    ];

    // Its engine tells of each function that it evaluates; what that launches are operators within.
    private const string Autograd = "autograd::";

    private readonly Stack<Running> running = [];
    private readonly List<LaunchedOperator> launched = [];

    /// <summary>What launched work, in the order in which it ended.</summary>
    public IReadOnlyList<LaunchedOperator> Launched => launched;

    /// <summary>An operator begins.</summary>
    public void Begin(string name, IReadOnlyList<RecordedTensor> inputs) => running.Push(new(name, inputs, launched.Count));

    /// <summary>The operator that began last ends.</summary>
    public void End(IReadOnlyList<RecordedTensor> outputs)
    {
        Running ended = running.Pop();
        bool isWhole = Whole.Contains(ended.Name);
        if (isWhole)
        {
            launched.RemoveRange(ended.LaunchedBefore, launched.Count - ended.LaunchedBefore);
        }

        // An operator within which others launched is put together from them.
        if (launched.Count == ended.LaunchedBefore && !Free.Contains(ended.Name) && !ended.Name.StartsWith(Autograd, StringComparison.Ordinal))
        {
            launched.Add(new(ended.Name, ended.Inputs, outputs));
        }
    }

    private static IEnumerable<string> Aten(string names) => names.Split(' ').Select(name => "aten::" + name);

    private sealed record Running(string Name, IReadOnlyList<RecordedTensor> Inputs, int LaunchedBefore);
}
